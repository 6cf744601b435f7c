import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Savings, SwarmTicket } from '#lib/contracts';

import { pushStable } from '../support/fleet.js';
import { HostilePeer } from '../support/hostile-peers.js';
import { callApi } from '../support/origin-api.js';
import { FLEETSEED } from '../support/processes.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';
import { until } from '../support/waiting.js';

const MIB = 1024 * 1024;
const SIZE = 96 * MIB + 17;
/** More than what a pull holds, a pipe, and what is on its way between them. */
const HELD = 48 * MIB;

let sandbox: Sandbox;
let origin: OriginProcess;
let content: Buffer;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  sandbox = await Sandbox.create();
  origin = await sandbox.origin();
  content = randomBytes(SIZE);
  await origin.json('push', await fileOf(content), '--app', 'big', '--version', '1');
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await sandbox.close();
});

async function fileOf(bytes: Buffer): Promise<string> {
  return `${await sandbox.tree({ build: bytes })}/build`;
}

class Streaming {
  stderr = '';
  readonly child: ChildProcess;
  readonly stdout: Readable;
  readonly #ended: Promise<unknown[]>;

  constructor(reference: string, ...more: string[]) {
    const args = ['pull', reference, '--stdout', '--listen', '127.0.0.1:0', ...more];
    const env = { ...process.env, ...origin.env };
    this.child = spawn(FLEETSEED, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    children.add(this.child);
    this.stdout = this.child.stdout!;
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.#ended = once(this.child, 'exit');
  }

  async all(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.stdout) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }

  /** The exit code, or the name of the signal that ended it. */
  async end(): Promise<unknown> {
    const [code, signal] = await this.#ended;
    return code ?? signal;
  }
}

function lastLine(text: string): unknown {
  return JSON.parse(text.trimEnd().split('\n').at(-1)!);
}

async function sentByOrigin(): Promise<number> {
  return (await origin.json<Savings>('savings')).origin;
}

/** What the origin has sent when it sends no more. */
async function sentInTheEnd(before: number): Promise<number> {
  let last = -1;
  return until('the origin sends no more', async () => {
    const sent = (await sentByOrigin()) - before;
    const isSame = sent === last && sent > 0;
    last = sent;
    return isSame && sent;
  });
}

describe('pulling to stdout', () => {
  it('gives the file whole and in order, and its account on stderr', async () => {
    const before = await origin.json<Savings>('savings');
    const pull = new Streaming('big@1', '--json');
    expect((await pull.all()).equals(content)).toBe(true);
    expect(await pull.end()).toBe(0);
    expect(lastLine(pull.stderr)).toMatchObject({ event: 'done', bytes: SIZE, reused: 0 });
    const after = await origin.json<Savings>('savings');
    expect(after.delivered - before.delivered).toBe(SIZE);
    expect(after.residual - before.residual).toBe(0);
  });

  it('takes from those who seed', async () => {
    const out = await sandbox.folder('out');
    const args = ['pull', 'big@1', '--out', out, '--listen', '127.0.0.1:0', '--json', '--seed'];
    const seeder = sandbox.start(args, origin.env);
    await seeder.event('done');
    const pull = new Streaming('big@1', '--json');
    expect((await pull.all()).equals(content)).toBe(true);
    expect((lastLine(pull.stderr) as { fromPeers: number }).fromPeers).toBeGreaterThan(SIZE / 4);
    expect(await seeder.stop()).toBe(0);
  });

  it('waits for a slow reader, and fetches no more than it can hold', async () => {
    const before = await sentByOrigin();
    const pull = new Streaming('big@1');
    await once(pull.stdout, 'readable');
    expect(await sentInTheEnd(before)).toBeLessThan(HELD);
    expect((await pull.all()).equals(content)).toBe(true);
    expect(await pull.end()).toBe(0);
  });

  it('ends quietly when the reader has enough', async () => {
    const pull = new Streaming('big@1', '--json');
    await once(pull.stdout, 'readable');
    expect(pull.stdout.read(100)).toEqual(content.subarray(0, 100));
    pull.stdout.destroy();
    expect(await pull.end()).toBe(0);
    expect(pull.stderr).not.toContain('error');
  });

  it('ends at once when it is stopped, also while nobody reads', async () => {
    const before = await sentByOrigin();
    const pull = new Streaming('big@1');
    await once(pull.stdout, 'readable');
    await sentInTheEnd(before);
    pull.child.kill('SIGINT');
    expect(await pull.end()).toBe(1);
    expect(pull.stderr).toContain('(ABORTED)');
  });

  it('never lets a wrong byte out', async () => {
    const bytes = randomBytes(24 * MIB);
    const app = 'wronged';
    const { artifact } = await pushStable(origin, await fileOf(bytes), app, '1');
    const path = `/api/v1/artifacts/${artifact}/ticket`;
    const { body: ticket } = await callApi<SwarmTicket>(origin, 'GET', path);
    const liar = await HostilePeer.start(ticket, 'wrong-blocks');
    try {
      await liar.announcePhantom();
      const pull = new Streaming(`${app}@1`, '--json');
      expect((await pull.all()).equals(bytes)).toBe(true);
      expect(await pull.end()).toBe(0);
      expect(liar.sentBytes).toBeGreaterThan(0);
    } finally {
      await liar.close();
    }
  });
});

describe('a file of a tree on stdout', () => {
  it('is that file alone; a tree, a folder and a link are refused, and stdout stays empty', async () => {
    const tree = await sandbox.tree({
      'a/one': randomBytes(3 * MIB + 5),
      'a/two': randomBytes(MIB),
      none: '',
    });
    await origin.json('push', tree, '--app', 'tree', '--version', '1');
    const one = new Streaming('tree@1', '--select', 'a/one');
    expect((await one.all()).equals(readFileSync(`${tree}/a/one`))).toBe(true);
    const none = new Streaming('tree@1', '--select', 'none');
    expect(await none.all()).toHaveLength(0);
    expect(await none.end()).toBe(0);

    for (const [more, exit, word] of [
      [[], 2, '--select'],
      [['--select', 'a'], 2, 'a/one'],
      [['--select', 'a/oen'], 4, 'a/one'],
      [['--out', '/tmp'], 2, '--out'],
      [['--seed'], 2, 'seed'],
    ] as const) {
      const refused = new Streaming('tree@1', '--json', ...more);
      expect(await refused.all()).toHaveLength(0);
      expect([more, await refused.end()]).toEqual([more, exit]);
      expect(refused.stderr).toContain(word);
      expect(lastLine(refused.stderr)).toHaveProperty('error.code');
    }
  });
});
