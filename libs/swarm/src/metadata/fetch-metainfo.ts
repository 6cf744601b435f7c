import { hash } from 'node:crypto';

import { FleetseedError } from '#lib/contracts';
import { silentLogger, type Clock, type Logger } from '#lib/runtime';
import {
  encodeMetainfo,
  parseInfo,
  parseMetainfo,
  withAnnounce,
  type Magnet,
  type Metainfo,
} from '#lib/torrent';
import { peerIdOf } from '#lib/wire';

import type { Announcer, PeerAddress } from '../announce/announcer.js';
import { TcpTransport } from '../peer/tcp.transport.js';
import { InfoDownload } from './info-download.js';
import { LayerBook } from './layer-book.js';
import { LayerDownload } from './layer-download.js';
import { MetadataPeer, type Greeting, type MetadataPeerHandler } from './metadata-peer.js';
import { PeerHunt } from './peer-hunt.js';

/** The longest `info` that is taken, bytes. Three peers may be sending one at a time. */
const MAX_INFO_BYTES = 32 * 1024 * 1024;
const DIAL_TIMEOUT_MS = 5000;
/** A peer that brings nothing for this long is left, milliseconds. */
const PATIENCE_MS = 10_000;

export interface FetchMetainfoOptions {
  readonly magnet: Magnet;
  /** To be tried; those that the magnet names are, too. */
  readonly peers?: readonly PeerAddress[];
  /** For the trackers of the magnet. */
  readonly announcer?: Announcer;
  /** 20 bytes; a new one by default. */
  readonly peerId?: Buffer;
  /** Bytes; 32 MiB by default. */
  readonly maxInfoBytes?: number;
  readonly patienceMs?: number;
  readonly clock: Clock;
  readonly logger?: Logger;
  readonly signal: AbortSignal;
}

export interface FetchedMetainfo {
  /** With the magnet's trackers and web seeds. */
  readonly metainfo: Metainfo;
  readonly bytes: Buffer;
}

/** A handler that runs on one connection. */
interface Work extends MetadataPeerHandler {
  peer: MetadataPeer | null;
}

/** What a piece of work is told when it is made. */
interface Ends<T> {
  readonly done: (value: T) => void;
  readonly failed: (error: FleetseedError) => void;
  readonly progressed: () => void;
}

/**
 * Makes a `.torrent` of a magnet link: the `info` dictionary comes from peers (BEP 9) and is held to
 * the hashes of the link, and what v2 needs beside it comes by hash requests (BEP 52).
 *
 * @throws FleetseedError NO_PEERS; FORBIDDEN for a private torrent (BEP 27), whose metadata peers have
 *   no business to give away; METAINFO_… when what has the right hash is no usable torrent; or the
 *   signal's reason
 */
export async function fetchMetainfo(options: FetchMetainfoOptions): Promise<FetchedMetainfo> {
  const { magnet, peers = [], announcer, clock, signal, logger = silentLogger } = options;
  const hunt = new PeerHunt({
    peers: [...peers, ...magnet.peers],
    ...(announcer ? { announcer } : {}),
    clock,
    signal,
    gaveUp: ({ host, port }, error) => {
      const { code, message } = error;
      logger.debug('a peer gave no metadata', { host, port, code, reason: message });
    },
  });
  try {
    const infoBytes = await hunt.first((address, running) => infoFrom(options, address, running));
    const metainfo = parseInfo(infoBytes);
    if (metainfo.private) {
      const text = `${metainfo.name} is private: its metadata is not for peers to give (BEP 27).`;
      throw new FleetseedError('FORBIDDEN', text);
    }
    const book = metainfo.infoHashV2 === null ? null : new LayerBook(metainfo);
    if (book && !book.isComplete) {
      await hunt.first((address, running) => layersFrom(options, metainfo, book, address, running));
    }
    const parts = { infoBytes: metainfo.infoBytes, pieceLayers: book?.layers() ?? null };
    const tiers = magnet.trackers.map((url) => [url]);
    const bytes = withAnnounce(encodeMetainfo(parts), tiers, magnet.webSeeds);
    return { metainfo: parseMetainfo(bytes), bytes };
  } finally {
    await hunt.close();
  }
}

function infoFrom(
  options: FetchMetainfoOptions,
  address: PeerAddress,
  signal: AbortSignal,
): Promise<Buffer> {
  const { magnet, maxInfoBytes: maxBytes = MAX_INFO_BYTES, clock } = options;
  const isRight = (info: Buffer) => isInfoOf(magnet, info);
  return withPeer(options, address, greetingOf(options, address), signal, (ends: Ends<Buffer>) => {
    return new InfoDownload({ maxBytes, isRight, clock, ...ends });
  });
}

function layersFrom(
  options: FetchMetainfoOptions,
  { infoHashV2 }: Metainfo,
  book: LayerBook,
  address: PeerAddress,
  signal: AbortSignal,
): Promise<void> {
  const infoHash = infoHashV2!.subarray(0, 20);
  const peerId = options.peerId ?? peerIdOf();
  const greeting = { infoHash, peerId, v2Upgrade: false, accepts: [infoHash] };
  return withPeer(options, address, greeting, signal, (ends: Ends<void>) => {
    return new LayerDownload({ book, ...ends });
  });
}

/** One connection for one piece of work; it is closed when that is done, fails, or takes too long. */
async function withPeer<T>(
  { clock, patienceMs = PATIENCE_MS }: FetchMetainfoOptions,
  { host, port }: PeerAddress,
  greeting: Greeting,
  signal: AbortSignal,
  make: (ends: Ends<T>) => Work,
): Promise<T> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  let cancelTimer = () => {};
  const wait = () => {
    cancelTimer();
    cancelTimer = clock.setTimer(patienceMs, () => {
      peer.close(new FleetseedError('TIMED_OUT', 'The peer sent nothing for too long.'));
    });
  };
  const work = make({ done: resolve, failed: reject, progressed: wait });
  const transport = TcpTransport.dial({ host, port, timeoutMs: DIAL_TIMEOUT_MS });
  const peer = new MetadataPeer(transport, greeting, work);
  work.peer = peer;
  const abort = () => peer.close(aborted());
  signal.addEventListener('abort', abort, { once: true });
  wait();
  try {
    return await promise;
  } finally {
    cancelTimer();
    signal.removeEventListener('abort', abort);
    peer.close(aborted());
  }
}

/** A peer of a hybrid is dialled with the v1 hash, which any client knows, and may answer with v2. */
function greetingOf({ magnet, peerId = peerIdOf() }: FetchMetainfoOptions, { hash }: PeerAddress) {
  const { infoHashV1 } = magnet;
  const short = magnet.infoHashV2?.subarray(0, 20) ?? null;
  if (infoHashV1 === null || (hash === 'v2' && short !== null)) {
    return { infoHash: short!, peerId, v2Upgrade: false, accepts: [short!] };
  }
  const accepts = short === null ? [infoHashV1] : [infoHashV1, short];
  return { infoHash: infoHashV1, peerId, v2Upgrade: short !== null, accepts };
}

function isInfoOf({ infoHashV1, infoHashV2 }: Magnet, info: Buffer): boolean {
  const isV1 = infoHashV1 === null || hash('sha1', info, 'buffer').equals(infoHashV1);
  return isV1 && (infoHashV2 === null || hash('sha256', info, 'buffer').equals(infoHashV2));
}

function aborted(): FleetseedError {
  return new FleetseedError('ABORTED', 'The connection is of no use any more.');
}
