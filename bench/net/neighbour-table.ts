import { readFileSync, writeFileSync } from 'node:fs';

import { undoAtExit } from './undo.ts';

const FOLDER = '/proc/sys/net/ipv4/neigh/default';
const THRESHOLDS = { gc_thresh1: 8192, gc_thresh2: 16_384, gc_thresh3: 32_768 };

/**
 * All network namespaces share one table of neighbours (ARP). With its default size a swarm of more than
 * about 32 hosts on a bridge loses connections; the old size is put back at the end.
 */
export function raiseNeighbourTable(): void {
  for (const [name, wanted] of Object.entries(THRESHOLDS)) {
    const file = `${FOLDER}/${name}`;
    const before = readFileSync(file, 'utf8');
    if (Number(before) >= wanted) continue;
    writeFileSync(file, String(wanted));
    undoAtExit(() => writeFileSync(file, before));
  }
}
