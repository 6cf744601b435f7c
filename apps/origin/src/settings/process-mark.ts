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
export async function isGone(mark: ProcessMark, see: ProcessView = PROC): Promise<boolean | null> {
  if (mark.machine === '' || mark.beganAt === '') return null;
  if (mark.machine !== (await machineId())) return null;
  const beganAt = await see.beginOf(mark.pid);
  if (beganAt === null && see.isOfOthers(mark.pid)) return null;
  return beganAt !== mark.beganAt;
}

/** What can be seen of a process of this machine. */
export interface ProcessView {
  /** When it began, as in `ProcessMark`; null for one that is not there, or not to be seen. */
  beginOf(pid: number): Promise<string | null>;
  /** Whether there is one of another user: where /proc is mounted with `hidepid` it is not to be seen. */
  isOfOthers(pid: number): boolean;
}

/** Signal 0 is never sent; EPERM says that there would have been somebody to send it to. */
function isOfOthers(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
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

const PROC: ProcessView = { beginOf, isOfOthers };
