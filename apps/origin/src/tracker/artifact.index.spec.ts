import { describe, expect, it } from 'vitest';

import type { Release } from '#lib/contracts';

import { ArtifactIndex, swarmIdOf } from './artifact.index.js';

function release(version: string, createdAt: number, over: Partial<Release> = {}): Release {
  const artifact = 'ab'.repeat(32);
  return {
    artifact,
    infoHashV1: 'cd'.repeat(20),
    infoHashV1Only: 'ef'.repeat(20),
    infoHashV2: artifact,
    name: 'web.tgz',
    single: true,
    bytes: 5,
    files: 1,
    pieces: 1,
    pieceLength: 65_536,
    app: 'web',
    version,
    createdAt,
    createdBy: 'ci',
    ...over,
  };
}

describe('ArtifactIndex', () => {
  it('finds an artifact by each of its hashes', () => {
    const index = new ArtifactIndex();
    const made = release('1', 10);
    const swarm = swarmIdOf(made.artifact);
    index.add(made);
    expect(index.get(made.artifact)).toBe(made);
    expect(index.find('cd'.repeat(20))).toEqual({ release: made, swarm, hash: 'v1' });
    expect(index.find('ef'.repeat(20))).toEqual({ release: made, swarm, hash: 'v1-only' });
    expect(index.find(swarmIdOf(made.artifact))).toEqual({ release: made, swarm, hash: 'v2' });
    expect(index.find('00'.repeat(20))).toBeNull();
  });

  it('names a shared artifact after its first release, in whatever order they are read', () => {
    const [first, second] = [release('1', 10), release('2', 20, { app: 'other' })];
    for (const order of [
      [first, second],
      [second, first],
    ]) {
      const index = new ArtifactIndex();
      for (const each of order) index.add(each);
      expect(index.get(first.artifact)).toBe(first);
      expect(index.find('cd'.repeat(20))?.release).toBe(first);
      expect(index.size).toBe(1);
    }
  });
});
