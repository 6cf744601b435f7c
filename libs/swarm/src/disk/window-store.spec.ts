import { describe, expect, it } from 'vitest';

import { layoutOf } from '../policy/policy.fixture.js';
import { RunWindow } from '../policy/run.window.js';
import { WindowStore } from './window-store.js';

const RUN = 64 * 1024;

function storeOf(runs: number, held: number) {
  const layout = layoutOf([runs * RUN], RUN);
  const window = new RunWindow(layout, { begin: 0, end: runs * RUN, capacity: held * RUN });
  return { window, store: new WindowStore(layout.length, window) };
}

describe('WindowStore', () => {
  it('passes on far more than it holds, whole', async () => {
    const { window, store } = storeOf(20, 3);
    for (let run = 0; run < 20; run++) {
      await store.write(run * RUN, Buffer.alloc(RUN, run + 1));
      // One run stays behind, so that reads go over the end of the ring.
      if (run === 0) continue;
      const begin = run * RUN - 1000;
      const read = Buffer.alloc(2000);
      await store.read(begin, read);
      expect(read).toEqual(Buffer.concat([Buffer.alloc(1000, run), Buffer.alloc(1000, run + 1)]));
      expect(store.view(run * RUN, RUN)).toEqual(Buffer.alloc(RUN, run + 1));
      window.moveTo(run * RUN);
    }
  });

  it('gives nothing that the reader is done with, and takes nothing that it has no room for', async () => {
    const { window, store } = storeOf(20, 3);
    await store.write(0, Buffer.alloc(RUN, 7));
    const early = { code: 'PIECE_UNAVAILABLE' };
    await expect(store.write(3 * RUN, Buffer.alloc(1))).rejects.toMatchObject(early);
    window.moveTo(RUN);
    await expect(store.read(0, Buffer.alloc(RUN))).rejects.toMatchObject(early);
    await store.write(3 * RUN, Buffer.alloc(RUN, 9));
    expect(store.view(3 * RUN, 5)).toEqual(Buffer.alloc(5, 9));
  });
});
