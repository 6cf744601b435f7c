import { bdict, bencode, type BencodeInput } from '#lib/torrent';

import { failureIn, type TrackerFailure } from './announce-answer.js';
import { countIn, decodeAnswer } from './tracker-answer.decoder.js';
import { answerInvalid } from './tracker.errors.js';

/** Counts of one swarm (BEP 48; `downloaders` is BEP 21). */
export interface ScrapedSwarm {
  readonly infoHash: Buffer;
  readonly complete: number;
  readonly incomplete: number;
  /** Completions that were announced. */
  readonly downloaded: number;
  readonly downloaders?: number;
}

export interface ScrapeAnswer {
  readonly type: 'swarms';
  readonly swarms: readonly ScrapedSwarm[];
}

const MAX_SWARMS = 1000;

export function encodeScrapeAnswer(swarms: readonly ScrapedSwarm[]): Buffer {
  const files = new Map<string, BencodeInput>();
  for (const { infoHash, complete, incomplete, downloaded, downloaders } of swarms) {
    files.set(
      infoHash.toString('latin1'),
      bdict({ complete, incomplete, downloaded, downloaders }),
    );
  }
  return bencode(bdict({ files }));
}

/** @throws FleetseedError TRACKER_ANSWER_INVALID */
export function decodeScrapeAnswer(bytes: Uint8Array): ScrapeAnswer | TrackerFailure {
  const dict = decodeAnswer(bytes);
  const failure = failureIn(dict);
  if (failure) return failure;
  const files = dict.get('files');
  if (!(files instanceof Map)) throw answerInvalid('it has no files');
  if (files.size > MAX_SWARMS) throw answerInvalid('too many swarms', { most: MAX_SWARMS });
  const swarms: ScrapedSwarm[] = [];
  for (const [hash, value] of files) {
    if (hash.length !== 20 || !(value instanceof Map)) continue;
    const downloaders = countIn(value, 'downloaders');
    swarms.push({
      infoHash: Buffer.from(hash, 'latin1'),
      complete: countIn(value, 'complete') ?? 0,
      incomplete: countIn(value, 'incomplete') ?? 0,
      downloaded: countIn(value, 'downloaded') ?? 0,
      ...(downloaders === undefined ? {} : { downloaders }),
    });
  }
  return { type: 'swarms', swarms };
}
