import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Clock ticks a second in /proc; the same on every Linux that Node runs on. */
const TICKS = 100;
const MOST_LOOKS = 10;

/** Seconds of CPU and bytes of memory that a process, its threads and its children took. */
export interface Usage {
  readonly cpuSeconds: number;
  /** Sum of the highest resident sizes that its processes had since {@link forgetPeak}. */
  readonly peakRss: number;
}

/** What a process and those below it used so far, with the CPU time of children that ended. */
export function usageOf(pid: number): Usage {
  for (let look = 1; ; look++) {
    try {
      return usageAtOnce(pid);
    } catch (error) {
      // One of them ended between two looks at it: what it used is its parent's at the next.
      if (look === MOST_LOOKS || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

function usageAtOnce(pid: number): Usage {
  let cpuSeconds = 0;
  let peakRss = 0;
  for (const each of treeOf(pid)) {
    cpuSeconds += cpuOf(each);
    peakRss += highWaterOf(each);
  }
  return { cpuSeconds, peakRss };
}

/** Bytes that a process and those below it have resident now. */
export function residentNow(pid: number): number {
  return treeOf(pid).reduce((sum, each) => sum + statusOf(each, 'VmRSS'), 0);
}

/** From now on the peak of these processes is that of what they do next. */
export function forgetPeak(pid: number): void {
  for (const each of treeOf(pid)) writeFileSync(`/proc/${each}/clear_refs`, '5');
}

function treeOf(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
  );
  return [pid, ...children.flatMap((child) => treeOf(Number(child)))];
}

/** Own time and that of children waited for: fields 14 to 17 of proc_pid_stat(5). */
function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the name in brackets, and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return ticks / TICKS;
}

function highWaterOf(pid: number): number {
  return statusOf(pid, 'VmHWM');
}

/** A size in bytes; 0 for a process that has ended and was not waited for. */
function statusOf(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) * 1024;
}
