import { randomBytes } from 'node:crypto';
import { once } from 'node:events';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { SwarmTicket } from '#lib/contracts';
import { EXTENSION, encodeMessage, encodeRunMessage, extendedMessage } from '#lib/wire';

import { callApi } from '../support/origin-api.js';
import { closed, dialRaw, RawPeer, swarmOf } from '../support/raw-peer.js';
import { Sandbox, type AgentProcess, type OriginProcess } from '../support/sandbox.js';

const MIB = 1024 * 1024;
/** What may be said before it is known who is there. */
const GREETINGS = ['greeting', 'fs_member'];

let sandbox: Sandbox;
let origin: OriginProcess;
let agent: AgentProcess;
let ticket: SwarmTicket;
let doors: Record<'origin' | 'agent', string>;

beforeAll(async () => {
  sandbox = await Sandbox.create();
  origin = await sandbox.origin();
  const tree = await sandbox.tree({ build: randomBytes(4 * MIB) });
  const push = ['push', `${tree}/build`, '--app', 'web', '--version', '1', '--channel', 'stable'];
  const { artifact } = await origin.json<{ artifact: string }>(...push);
  const path = `/api/v1/artifacts/${artifact}/ticket`;
  ticket = (await callApi<SwarmTicket>(origin, 'GET', path)).body;
  agent = await sandbox.agent(origin, undefined, { args: ['--app', 'web@stable'] });
  const ready = await agent.service.event('ready');
  await agent.service.event('active', 30_000, { version: '1' });
  doors = { origin: ticket.origins[0]!, agent: String(ready['peer']) };
});
afterAll(() => sandbox.close());

async function doorOf(who: 'origin' | 'agent'): Promise<string> {
  return doors[who];
}

describe.each(['origin', 'agent'] as const)('the peer port of the %s', (who) => {
  it('tells a stranger nothing about the artifact and hangs up', async () => {
    const peer = await RawPeer.dial(await doorOf(who), { ...swarmOf(ticket), secret: null });
    peer.send(encodeMessage({ type: 'haveNone' }));
    peer.send(encodeMessage({ type: 'interested' }));
    peer.send(encodeMessage({ type: 'request', piece: 0, begin: 0, length: 16_384 }));
    await peer.closed;
    expect(peer.told.filter((type) => !GREETINGS.includes(type))).toEqual([]);
    expect(peer.blockBytes).toBe(0);
  });

  it('tells an impostor nothing either', async () => {
    const peer = await RawPeer.dial(await doorOf(who), {
      ...swarmOf(ticket),
      secret: randomBytes(32),
    });
    peer.send(encodeMessage({ type: 'interested' }));
    peer.send(encodeMessage({ type: 'request', piece: 0, begin: 0, length: 16_384 }));
    await peer.closed;
    expect(peer.told.filter((type) => !GREETINGS.includes(type))).toEqual([]);
    expect(peer.blockBytes).toBe(0);
  });

  it('does not even greet who asks for what it does not know', async () => {
    const peer = await RawPeer.dial(await doorOf(who), {
      infoHashV2: randomBytes(32),
      secret: swarmOf(ticket).secret,
    });
    await peer.closed;
    expect(peer.messages).toEqual([]);
  });

  it('hangs up on bytes that are no handshake, at the first wrong one', async () => {
    for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), randomBytes(100_000)]) {
      const socket = await dialRaw(await doorOf(who));
      const hungUp = closed(socket);
      const received: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => received.push(chunk));
      socket.write(bytes);
      await hungUp;
      expect(received).toEqual([]);
    }
  });

  it('lets a member in', async () => {
    const peer = await RawPeer.dial(await doorOf(who), swarmOf(ticket));
    await expect(peer.member).resolves.toBeUndefined();
    peer.end();
  });
});

it('an agent sends a member what it asks for', async () => {
  const peer = await RawPeer.dial(await doorOf('agent'), swarmOf(ticket));
  await peer.member;
  const request = encodeRunMessage({ type: 'request', run: 0, offset: 0, length: 65_536 });
  const sent = once(peer.socket, 'data');
  peer.send(extendedMessage(peer.idOf(EXTENSION.run), request));
  await sent;
  await expect.poll(() => peer.blockBytes).toBe(65_536);
  peer.end();
});
