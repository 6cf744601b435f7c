import { describe, expect, it } from 'vitest';

import { FleetseedError } from '#lib/contracts';
import { silentLogger, VirtualClock, type LogFacts } from '#lib/runtime';

import { TOLD_EVERY_MS, UnreadLog } from './unread-log.js';

describe('what the log is told of pieces that cannot be read', () => {
  it('is one entry of a kind in a while, which says how many it stands for', () => {
    const clock = new VirtualClock();
    const entries: unknown[] = [];
    const write = (level: string) => (_message: string, facts?: LogFacts) =>
      void entries.push([level, facts?.['times']]);
    const log = new UnreadLog({ ...silentLogger, info: write('info'), warn: write('warn') }, clock);
    const gone = new FleetseedError('PIECE_UNAVAILABLE', 'The store is away.');
    const failed = new FleetseedError('DISK_IO', 'EIO');
    for (let time = 0; time < 1000; time++) log.tell(gone);
    expect(entries).toEqual([['info', 1]]);
    log.tell(failed);
    expect(entries).toEqual([
      ['info', 1],
      ['warn', 1],
    ]);
    clock.advance(TOLD_EVERY_MS);
    log.tell(gone);
    expect(entries.at(-1)).toEqual(['info', 1000]);
    expect(entries).toHaveLength(3);
  });
});
