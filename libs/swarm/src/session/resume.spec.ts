import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { silentLogger, systemClock } from '#lib/runtime';

import { DiskStore } from '../disk/disk-store.js';
import { ResumeFile } from '../disk/resume-file.js';
import { verifyPieces } from '../hashing/verify-pieces.js';
import { KIB, MIB, TestFleet, artifactOf, eventually } from './session.fixture.js';

let folder: string;
let fleet: TestFleet;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fleetseed-resume-'));
});

afterEach(async () => {
  await fleet.close();
  await rm(folder, { recursive: true });
});

describe('a download that was killed', () => {
  const artifact = artifactOf({ files: [2 * MIB, 3 * MIB, 70 * KIB], pieceLength: 64 * KIB });

  it('fetches only what was not verified before', async () => {
    const { metainfo, payload } = artifact;
    fleet = new TestFleet(artifact);
    await fleet.add({ complete: true, uploadLimit: 2 * MIB });
    const resume = new ResumeFile({
      path: join(folder, 'resume'),
      infoHashV2: metainfo.infoHashV2!,
      clock: systemClock,
      logger: silentLogger,
    });
    const store = new DiskStore(join(folder, 'tree'), metainfo);
    const killed = await fleet.add({ store });
    await eventually(() => killed.torrent.have.count).toBeGreaterThan(10);
    resume.changed(killed.torrent.have);
    await resume.flush();
    // As by SIGKILL: nothing is said, written or synced any more.
    await killed.session.close();

    const again = new DiskStore(join(folder, 'tree'), metainfo);
    const candidates = await resume.load(metainfo.pieceCount);
    const { pieces } = killed.torrent;
    const { buffers } = killed.session;
    const { hasher } = fleet;
    const have = await verifyPieces({ store: again, pieces, candidates, hasher, buffers });
    expect(have.count).toBe(candidates.count);
    const resumed = await fleet.add({ store: again, have });
    const before = resumed.torrent.progress().haveBytes;
    await resumed.torrent.done;
    expect(before).toBeGreaterThan(0);
    expect(resumed.torrent.stats().bytes.fromPeers).toBe(payload.length - before);
    expect(payload.equals(await resumed.content())).toBe(true);
  });
});
