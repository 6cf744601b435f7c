import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ClientProcess, freePort } from './client-process.js';

const START_MS = 10_000;
/** Read after it has changed its root to the folder. */
const LIST = 'whitelist.txt';

/** Debian's opentracker: HTTP and UDP on one port, IPv4 alone, for the torrents of its list only. */
export interface Opentracker {
  readonly httpUrl: string;
  readonly udpUrl: string;
  stop(): Promise<void>;
}

export async function startOpentracker(infoHashes: readonly Buffer[]): Promise<Opentracker> {
  const address = '127.0.0.1';
  const folder = await mkdtemp(join(tmpdir(), 'fleetseed-opentracker-'));
  const list = join(folder, LIST);
  await writeFile(list, infoHashes.map((hash) => `${hash.toString('hex')}\n`).join(''));
  // It gives its privileges away, and still has to read the list.
  await chmod(folder, 0o755);
  const port = String(await freePort(address));
  const where = ['-i', address, '-p', port, '-P', port];
  const words = [...where, '-d', folder, '-u', 'nobody', '-w', LIST];
  const program = new ClientProcess('opentracker', 'opentracker', words);
  await program.begin(() =>
    program.until('an answer', AbortSignal.timeout(START_MS), async () => {
      const answer = await fetch(`http://${address}:${port}/stats`).catch(() => null);
      return answer?.body?.cancel().then(() => true) ?? null;
    }),
  );
  return {
    httpUrl: `http://${address}:${port}/announce`,
    udpUrl: `udp://${address}:${port}/announce`,
    async stop() {
      await program.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
