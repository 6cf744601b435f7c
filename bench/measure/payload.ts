import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';

const CHUNK = 4 * 1024 * 1024;

/** A file of random bytes that every contestant has to deliver. */
export interface Payload {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export async function makePayload(path: string, bytes: number): Promise<Payload> {
  const hash = createHash('sha256');
  const file = await open(path, 'wx');
  try {
    for (let left = bytes; left > 0; left -= CHUNK) {
      const chunk = randomBytes(Math.min(CHUNK, left));
      hash.update(chunk);
      await file.write(chunk);
    }
  } finally {
    await file.close();
  }
  return { path, bytes, sha256: hash.digest('hex') };
}

/** @throws when the file is not the payload, byte for byte */
export async function requireSame(path: string, payload: Payload): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK })) {
    hash.update(chunk as Buffer);
  }
  if (hash.digest('hex') !== payload.sha256) throw new Error(`${path} is not what was sent.`);
}
