import { availableParallelism } from 'node:os';

import { command } from '../net/command.ts';

/** Bytes a second that all cores together can hash, each in blocks of 16 KiB from its cache. */
export interface HashCeiling {
  readonly sha1: number;
  readonly sha256: number;
}

/** What `openssl speed` says, a second for each hash. */
export function hashCeiling(): HashCeiling {
  return { sha1: speedOf('sha1'), sha256: speedOf('sha256') };
}

function speedOf(name: string): number {
  const cores = String(availableParallelism());
  const size = ['-seconds', '1', '-bytes', '16384'];
  const said = command('openssl', 'speed', '-mr', '-elapsed', '-multi', cores, size, '-evp', name);
  const last = /^\+F:\d+:[^:]+:([\d.]+)$/m.exec(said);
  if (!last) throw new Error(`openssl speed says nothing of ${name}: ${said}`);
  return Number(last[1]);
}
