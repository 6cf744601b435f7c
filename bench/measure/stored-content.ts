import { createHash } from 'node:crypto';
import { createReadStream, readdirSync } from 'node:fs';
import { join } from 'node:path';

import type { Payload } from './payload.ts';

/** @throws unless every payload (of one file each) is among the files of a folder, byte for byte, under any name */
export async function requireStored(folder: string, payloads: readonly Payload[]): Promise<void> {
  const found = new Set<string>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) found.add(await sha256Of(join(entry.parentPath, entry.name)));
  }
  const lacking = payloads.filter(({ sha256 }) => !found.has(sha256.get('')!));
  if (lacking.length > 0)
    throw new Error(`${folder} lacks ${lacking.map(({ path }) => path).join(', ')}.`);
}

async function sha256Of(path: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 4 * 1024 * 1024 })) {
    digest.update(chunk as Buffer);
  }
  return digest.digest('hex');
}
