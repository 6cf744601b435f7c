import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';

const GIB = 1024 ** 3;

/** On what it was measured, in a sentence. */
export function machine(): string {
  const [first, ...rest] = cpus();
  const memory = Math.round(totalmem() / GIB);
  const congestion = readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8').trim();
  return (
    `${rest.length + 1} × ${first!.model.trim()}, ${memory} GiB, Linux ${release()}, ` +
    `TCP congestion control ${congestion}, all files on tmpfs`
  );
}

/** How busy the machine is before a run: others' work is in the figures. */
export function loadNow(): string {
  return `The load average of the machine before the run was ${loadavg()[0]!.toFixed(1)}.`;
}
