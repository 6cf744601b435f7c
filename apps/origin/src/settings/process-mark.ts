import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';

import { z } from 'zod';

/** Which process of which machine: enough to see from the same machine whether it is gone. */
export const ProcessMark = z.object({
  hostname: z.string(),
  pid: z.number().int(),
  /** This boot of the kernel and this namespace of process ids; '' where it cannot be known. */
  machine: z.string(),
  /** When the process began, in ticks of that boot: ids are given again. */
  beganAt: z.string(),
});
export type ProcessMark = z.infer<typeof ProcessMark>;

export async function ownProcessMark(): Promise<ProcessMark> {
  const { pid } = process;
  const [machine, beganAt] = await Promise.all([machineId(), beginOf(pid)]);
  return { hostname: hostname(), pid, machine, beganAt: beganAt ?? '' };
}

/** @returns null where it cannot be seen: the process is, or was, on another machine */
export async function isGone(mark: ProcessMark): Promise<boolean | null> {
  if (mark.machine === '' || mark.beganAt === '') return null;
  if (mark.machine !== (await machineId())) return null;
  return (await beginOf(mark.pid)) !== mark.beganAt;
}

async function machineId(): Promise<string> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    return `${boot.trim()} ${await readlink('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}

/** Field 22 of proc_pid_stat(5); the name before it may have any characters, but ends with the last `)`. */
async function beginOf(pid: number): Promise<string | null> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    const [state, ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return state === 'Z' || state === 'X' ? null : (fields[18] ?? null);
  } catch {
    return null;
  }
}
