import { FleetseedError } from '#lib/contracts';
import { deadline, silentLogger, streamLogger, systemClock, systemRandom } from '#lib/runtime';
import { TrackerAnnouncer, fetchMetainfo, type FetchedMetainfo } from '#lib/swarm';
import { parseMagnet, type Magnet } from '#lib/torrent';
import { peerIdOf } from '#lib/wire';

import { splitHostPort } from '../../connection/host-port.js';
import type { Invocation } from '../../invocation.js';
import { printable } from '../../output/printable.js';
import { bytesText, durationText } from '../../output/quantities.js';
import { parseSeconds } from '../arguments.js';
import { describe } from './inspect.js';
import { writeTorrent } from './write-torrent.js';

export interface FetchOptions {
  readonly out: string;
  readonly peer?: readonly string[];
  readonly timeout?: string;
}

const DEFAULT_SECONDS = 60;
/** We accept no connections, and there are trackers that take 0 for a mistake. */
const NO_PORT = 1;

export async function fetch(call: Invocation<FetchOptions>, link: string): Promise<void> {
  const { out, timeout, peer = [] } = call.options;
  const magnet = parseMagnet(link);
  const peers = peer.map((text) => splitHostPort(text, '--peer'));
  const seconds = timeout === undefined ? DEFAULT_SECONDS : parseSeconds(timeout, '--timeout');
  if (peers.length + magnet.peers.length + magnet.trackers.length === 0) {
    throw new FleetseedError(
      'USAGE',
      'Nobody to ask: the link names no tracker and no peer, and there is no --peer.',
    );
  }
  const { metainfo, bytes } = await inTime(call, seconds, (signal) =>
    fetchMetainfo({
      ...partyOf(magnet),
      peers,
      signal,
      clock: systemClock,
      logger: loggerOf(call),
    }),
  );
  await writeTorrent(out, bytes);
  const { name, format, infoHashV1, infoHashV2, pieces, pieceLength } = describe(metainfo);
  const size = { bytes: metainfo.length, files: metainfo.files.length, pieces, pieceLength };
  call.output.result(
    { name, format, infoHashV1, infoHashV2, ...size, out },
    () => `wrote ${out}: ${printable(name)}, ${format}, ${bytesText(metainfo.length)}`,
  );
}

/** The link, and who announces for it; a hybrid is asked for under both of its hashes. */
function partyOf(magnet: Magnet) {
  const peerId = peerIdOf();
  if (magnet.trackers.length === 0) return { magnet, peerId };
  const hashes = [
    { view: 'v2' as const, hash: magnet.infoHashV2?.subarray(0, 20) },
    { view: 'v1' as const, hash: magnet.infoHashV1 ?? undefined },
  ];
  const announcer = new TrackerAnnouncer({
    tiers: magnet.trackers.map((url) => [url]),
    infoHashes: hashes.flatMap(({ view, hash }) => (hash ? [{ view, hash }] : [])),
    peerId,
    port: NO_PORT,
    clock: systemClock,
    random: systemRandom,
  });
  return { magnet, peerId, announcer };
}

async function inTime(
  call: Invocation,
  seconds: number,
  work: (signal: AbortSignal) => Promise<FetchedMetainfo>,
): Promise<FetchedMetainfo> {
  const signal = deadline(seconds * 1000, call.signal);
  // Between two tries nothing else keeps the process from ending.
  const awake = setInterval(() => {}, 60_000);
  try {
    return await work(signal);
  } catch (error) {
    if (!signal.aborted || call.signal.aborted) throw error;
    const text = `No peer gave the metadata within ${durationText(seconds)}.`;
    throw new FleetseedError('NO_PEERS', text, {}, { cause: error });
  } finally {
    clearInterval(awake);
  }
}

function loggerOf({ output }: Invocation) {
  if (!process.env['FLEETSEED_DEBUG']) return silentLogger;
  const write = (line: string) => output.note(line.trimEnd());
  return streamLogger({ level: 'debug', json: false, write });
}
