import { randomBytes } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
  closeSync,
  rmSync,
} from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import {
  active,
  linkOf,
  pushStable,
  releaseFolders,
  staged,
  untilReported,
} from '../support/fleet.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';
import { until } from '../support/waiting.js';

const MIB = 1024 * 1024;
let sandbox: Sandbox;
let origin: OriginProcess;

beforeAll(async () => {
  sandbox = await Sandbox.create();
  origin = await sandbox.origin();
});
afterAll(() => sandbox.close());

describe('a disk without room', () => {
  it('defers the release, shows why, leaves nothing half done, and goes on when there is room', async () => {
    const size = 24 * MIB;
    const content = randomBytes(size);
    await pushStable(origin, await sandbox.tree({ big: content }), 'full', '1');
    const disk = await sandbox.smallDisk(40 * MIB);
    const filler = `${disk}/filler`;
    writeFileSync(filler, Buffer.alloc(25 * MIB));
    const args = ['--app', 'full@stable', '--hostname', 'full', '--disk-reserve', '0'];
    const agent = await sandbox.agent(origin, `${disk}/data`, { args });
    const deferred = await untilReported(
      origin,
      'full',
      'deferred',
      ({ phase }) => phase === 'DEFERRED',
    );
    expect(deferred.error).toMatchObject({ code: 'NO_SPACE' });
    expect(linkOf(agent, 'full', 'current')).toBeNull();
    expect(releaseFolders(agent, 'full')).toEqual([]);

    rmSync(filler);
    await active(agent, '1');
    expect(readFileSync(`${agent.data}/apps/full/current/big`).equals(content)).toBe(true);
    await untilReported(origin, 'full', 'active', ({ phase }) => phase === 'ACTIVE');
  });

  it('is met in the middle of a download, too', async () => {
    const content = randomBytes(24 * MIB);
    await pushStable(origin, await sandbox.tree({ big: content }), 'filling', '1');
    const disk = await sandbox.smallDisk(40 * MIB);
    const limits = ['--disk-reserve', '0', '--download-limit', String(8 * MIB)];
    const args = ['--app', 'filling@stable', '--hostname', 'filling', ...limits];
    const agent = await sandbox.agent(origin, `${disk}/data`, { args });
    await untilReported(origin, 'filling', 'under way', ({ progress }) => progress > 0.2);
    const filler = `${disk}/filler`;
    fill(filler);
    const met = await untilReported(
      origin,
      'filling',
      'the lack of space is reported',
      ({ error }) => error?.code === 'NO_SPACE',
    );
    expect(met.phase).toBe('DEFERRED');
    expect(linkOf(agent, 'filling', 'current')).toBeNull();
    expect(releaseFolders(agent, 'filling')).toEqual([]);

    rmSync(filler);
    await active(agent, '1');
    expect(readFileSync(`${agent.data}/apps/filling/current/big`).equals(content)).toBe(true);
  });
});

/** Takes all room that a disk has left. */
function fill(path: string): void {
  const file = openSync(path, 'w');
  try {
    for (;;) writeSync(file, Buffer.alloc(64 * 1024));
  } catch {
    // It is full.
  } finally {
    closeSync(file);
  }
}

describe('an installed release that somebody edits', () => {
  it('is not served where it is wrong, is repaired, and nobody is banned for it', async () => {
    const files = {
      flipped: randomBytes(6 * MIB),
      truncated: randomBytes(3 * MIB),
      appended: randomBytes(3 * MIB),
      removed: randomBytes(2 * MIB),
      untouched: randomBytes(6 * MIB),
    };
    await pushStable(origin, await sandbox.tree(files), 'edit', '1');
    const args = ['--app', 'edit@stable'];
    const first = await sandbox.agent(origin, undefined, { args });
    await active(first, '1');
    const at = (file: string) => `${first.data}/apps/edit/current/${file}`;
    const flip = openSync(at('flipped'), 'r+');
    writeSync(flip, Buffer.from('edited'), 0, 6, 2 * MIB);
    closeSync(flip);
    truncateSync(at('truncated'), MIB);
    appendFileSync(at('appended'), 'more');
    rmSync(at('removed'));

    const second = await sandbox.agent(origin, undefined, { args });
    const { fromPeers, wasted } = await staged(second, '1');
    await active(second, '1');
    const wrong = Object.entries(files).filter(([name, content]) => {
      return !readFileSync(`${second.data}/apps/edit/current/${name}`).equals(content);
    });
    expect(wrong.map(([name]) => name)).toEqual([]);
    // Nothing wrong was sent, and what was right still was.
    expect(wasted).toBe(0);
    expect(fromPeers).toBeGreaterThanOrEqual(6 * MIB);

    for (const [name, content] of Object.entries(files)) {
      await until(`"${name}" is repaired`, () => {
        return existsSync(at(name)) && readFileSync(at(name)).equals(content);
      });
    }
    // Both are in good standing: a third one is served by them alone.
    const third = await sandbox.agent(origin, undefined, { args });
    const last = await staged(third, '1');
    expect(last.wasted).toBe(0);
    expect(last.fromOrigin).toBe(0);
    expect(last.fromPeers).toBe(20 * MIB);
  });
});
