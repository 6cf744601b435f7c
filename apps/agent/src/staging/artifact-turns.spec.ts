import { describe, expect, it } from 'vitest';

import { ArtifactTurns } from './artifact-turns.js';

const never = new AbortController().signal;

describe('ArtifactTurns', () => {
  it('does one thing after the other to an artifact, and others side by side', async () => {
    const turns = new ArtifactTurns();
    const told: string[] = [];
    const first = Promise.withResolvers<void>();
    const one = turns.take('a', never, async () => {
      await first.promise;
      told.push('a1');
    });
    const two = turns.take('a', never, async () => void told.push('a2'));
    await turns.take('b', never, async () => void told.push('b1'));
    expect(turns.isBusy('a')).toBe(true);
    first.resolve();
    await Promise.all([one, two]);
    await turns.idle();
    expect(told).toEqual(['b1', 'a1', 'a2']);
    expect(turns.isBusy('a')).toBe(false);
  });

  it('lets nobody pass the one under way when one that waits gives up', async () => {
    const turns = new ArtifactTurns();
    const first = Promise.withResolvers<void>();
    const stop = new AbortController();
    const told: string[] = [];
    const one = turns.take('a', never, async () => {
      await first.promise;
      told.push('first');
    });
    const given = turns.take('a', stop.signal, async () => void told.push('never'));
    stop.abort(new Error('stopped'));
    await expect(given).rejects.toThrow('stopped');
    const last = turns.take('a', never, async () => void told.push('last'));
    first.resolve();
    await Promise.all([one, last]);
    expect(told).toEqual(['first', 'last']);
  });

  it('goes on after one that failed', async () => {
    const turns = new ArtifactTurns();
    const failed = turns.take('a', never, async () => {
      throw new Error('failed');
    });
    await expect(failed).rejects.toThrow('failed');
    await expect(turns.take('a', never, async () => 1)).resolves.toBe(1);
  });
});
