import type { VirtualClock } from '#lib/runtime';
import { PieceMap, RunTable } from '#lib/torrent';
import { EXTENSION, decodeRunMessage, encodeRunMessage, pieceHeader, spanHeader } from '#lib/wire';

import { PayloadLayout } from '../policy/payload.layout.js';
import { SECRET, type TestArtifact } from './session.fixture.js';
import { WireServer, type WireClient } from './wire-client.fixture.js';

/** A member at a loopback address of its own (a ban is by address) that has everything and answers requests for runs as `answer` says. */
export async function memberThat(
  artifact: TestArtifact,
  host: string,
  answer: (client: WireClient, run: number, offset: number, bytes: Buffer) => void,
): Promise<WireServer> {
  const pieces = new PieceMap(artifact.metainfo);
  const layout = new PayloadLayout(pieces, new RunTable(pieces));
  const meet = (client: WireClient) => {
    client.onMessage = (message) => {
      if (message.type !== 'extended') return;
      if (message.id === 1) client.send({ type: 'haveAll' });
      if (message.id !== 2) return;
      const request = decodeRunMessage(message.payload);
      if (request.type !== 'request') return;
      const at = layout.offsetOfRun(request.run) + request.offset;
      const bytes = Buffer.from(artifact.payload.subarray(at, at + request.length));
      answer(client, request.run, request.offset, bytes);
    };
  };
  return WireServer.open({ artifact, secret: SECRET }, meet, host);
}

export function sendSpan(client: WireClient, run: number, offset: number, bytes: Buffer): void {
  const id = client.extensions!.m.get(EXTENSION.run)!;
  client.socket.write(spanHeader(id, run, offset, bytes.length));
  client.socket.write(bytes);
}

export function rejectSpan(client: WireClient, run: number, offset: number, length: number): void {
  client.extended(EXTENSION.run, encodeRunMessage({ type: 'reject', run, offset, length }));
}

/** A stranger that says it has everything, and answers requests for blocks as `answer` says. */
export async function strangerThat(
  artifact: TestArtifact,
  host: string,
  answer: (client: WireClient, piece: number, begin: number, bytes: Buffer) => void,
): Promise<WireServer> {
  const pieces = new PieceMap(artifact.metainfo);
  const layout = new PayloadLayout(pieces, new RunTable(pieces));
  const meet = (client: WireClient) => {
    client.onMessage = (message) => {
      if (message.type === 'extended') client.send({ type: 'haveAll' }, { type: 'unchoke' });
      if (message.type !== 'request') return;
      const at = layout.offsetOfPiece(message.piece) + message.begin;
      const bytes = Buffer.from(artifact.payload.subarray(at, at + message.length));
      answer(client, message.piece, message.begin, bytes);
    };
  };
  return WireServer.open({ artifact }, meet, host);
}

export function sendBlock(client: WireClient, piece: number, begin: number, bytes: Buffer): void {
  client.socket.write(pieceHeader(piece, begin, bytes.length));
  client.socket.write(bytes);
}

/** Lets virtual time pass, and what comes over sockets come, until the condition holds. */
export async function passTime(
  clock: VirtualClock,
  until: () => boolean,
  stepMs = 250,
): Promise<void> {
  const giveUpAt = performance.now() + 20_000;
  while (!until()) {
    if (performance.now() > giveUpAt) throw new Error('It did not happen.');
    clock.advance(stepMs);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
