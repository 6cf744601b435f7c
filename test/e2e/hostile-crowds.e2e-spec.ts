import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { SwarmTicket } from '#lib/contracts';
import { EXTENSION, encodeRunMessage, extendedMessage } from '#lib/wire';

import { pushStable } from '../support/fleet.js';
import { callApi } from '../support/origin-api.js';
import { RawPeer, closed, swarmOf } from '../support/raw-peer.js';
import { Sandbox, type OriginProcess } from '../support/sandbox.js';
import { until } from '../support/waiting.js';

const MIB = 1024 * 1024;
const SPAN = { type: 'request', run: 0, offset: 0, length: 65_536 } as const;
const CROWD = 10_000;
/** Of a connection that is open: a socket's and a decoder's objects, and what the system reads into. */
const BYTES_PER_CONNECTION = 64 * 1024;
/** What a process may grow apart from that: code that is compiled, garbage that is not collected yet. */
const MARGIN = 64 * MIB;

let sandbox: Sandbox;
let origin: OriginProcess;
let ticket: SwarmTicket;
let door: { host: string; port: number };
let pid: number;

beforeAll(async () => {
  sandbox = await Sandbox.create();
  origin = await sandbox.origin();
  const tree = await sandbox.tree({ build: randomBytes(4 * MIB) });
  const { artifact } = await pushStable(origin, `${tree}/build`, 'web', '1');
  const path = `/api/v1/artifacts/${artifact}/ticket`;
  ({ body: ticket } = await callApi<SwarmTicket>(origin, 'GET', path));
  const { service } = await sandbox.agent(origin, undefined, { args: ['--app', 'web@stable'] });
  const [host, port] = String((await service.event('ready'))['peer']).split(':');
  await service.event('active', 30_000, { version: '1' });
  door = { host: host!, port: Number(port) };
  ({ pid } = service);
});
afterAll(() => sandbox.close());

/** Of a process: resident bytes, and processor time, milliseconds. */
function usage(): { resident: number; cpuMs: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
  return {
    resident: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024,
    cpuMs: (Number(fields[11]) + Number(fields[12])) * 10,
  };
}

/** Connects from an address of its own choice, and says nothing. */
async function come(localAddress: string): Promise<Socket> {
  const socket = connect({ ...door, localAddress });
  const connected = new Promise((resolve) => socket.once('connect', resolve));
  await Promise.race([connected, closed(socket)]);
  return socket;
}

/** A member gets what it asks for. */
async function served(): Promise<true> {
  const peer = await RawPeer.dial(`${door.host}:${door.port}`, swarmOf(ticket));
  await peer.member;
  peer.send(extendedMessage(peer.idOf(EXTENSION.run), encodeRunMessage(SPAN)));
  await until('the span came', () => peer.blockBytes === SPAN.length, 5000);
  peer.end();
  return true;
}

describe('an agent that seeds', () => {
  it(`bears ${CROWD} connections of 500 hosts that say nothing, and serves who does`, async () => {
    const before = usage();
    const crowd: Socket[] = [];
    for (let at = 0; at < CROWD; at += 500) {
      const comers = Array.from({ length: 500 }, (_, host) =>
        come(`127.${1 + (host >> 7)}.0.${1 + (host & 127)}`),
      );
      crowd.push(...(await Promise.all(comers)));
      // While they come; it is not told apart from them by its address.
      if (at % 2500 === 0) await served();
    }
    await served();
    const after = usage();
    const open = () => crowd.filter((socket) => !socket.destroyed && !socket.readableEnded).length;
    await until('all but a few were sent away', () => open() <= 1000);
    expect(after.resident - before.resident).toBeLessThan(MARGIN + 1000 * BYTES_PER_CONNECTION);
    expect((after.cpuMs - before.cpuMs) / CROWD).toBeLessThan(3);
    for (const socket of crowd) socket.destroy();
    await served();
  });

  it('bears a peer that comes again and again, and serves the others', async () => {
    const before = usage();
    let times = 0;
    let timesServed = 0;
    const again = async (host: number) => {
      while (times < 2000) {
        times++;
        const socket = await come(`127.0.0.${host}`);
        socket.write(Buffer.alloc(68, 0x13));
        await closed(socket);
      }
    };
    const storm = Promise.all(Array.from({ length: 20 }, (_, at) => again(66 + (at % 2))));
    while (times < 2000) {
      if (await served()) timesServed++;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await storm;
    const after = usage();
    expect(timesServed).toBeGreaterThan(0);
    expect(after.resident - before.resident).toBeLessThan(MARGIN);
    expect((after.cpuMs - before.cpuMs) / times).toBeLessThan(3);
  });
});
