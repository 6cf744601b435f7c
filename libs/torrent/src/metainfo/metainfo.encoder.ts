import { bdecodeLocated } from '../bencode/bencode.decoder.js';
import { bencode } from '../bencode/bencode.encoder.js';
import { RawBencode, type BencodeInput } from '../bencode/bencode.types.js';

/** The parts of a `.torrent`; a parsed `Metainfo` has them all. */
export interface MetainfoParts {
  readonly infoBytes: Uint8Array;
  /** By root in hex; null for v1-only metainfo, which has no such key. */
  readonly pieceLayers: ReadonlyMap<string, Buffer> | null;
}

/** Puts a `.torrent` together from an `info` dictionary and its piece layers. */
export function encodeMetainfo({ infoBytes, pieceLayers }: MetainfoParts): Buffer {
  const outer = new Map<string, BencodeInput>([['info', new RawBencode(infoBytes)]]);
  if (pieceLayers !== null) {
    const layers = new Map<string, BencodeInput>();
    for (const [root, layer] of pieceLayers) {
      layers.set(Buffer.from(root, 'hex').toString('latin1'), layer);
    }
    outer.set('piece layers', layers);
  }
  return bencode(outer);
}

/**
 * The same torrent with other trackers and web seeds: everything else, the `info` dictionary above
 * all, stays byte for byte what it was. Former trackers and web seeds are dropped.
 *
 * @param tiers tracker URLs (BEP 12); the first is written as `announce` too
 * @param webSeeds BEP 19 `url-list`
 * @throws FleetseedError BENCODE_INVALID
 */
export function withAnnounce(
  metainfoBytes: Uint8Array,
  tiers: readonly (readonly string[])[],
  webSeeds: readonly string[] = [],
): Buffer {
  const { ranges } = bdecodeLocated(metainfoBytes, { maxBytes: metainfoBytes.length });
  const outer = new Map<string, BencodeInput>();
  for (const [key, { start, end }] of ranges) {
    outer.set(key, new RawBencode(metainfoBytes.subarray(start, end)));
  }
  for (const key of ['announce', 'announce-list', 'url-list']) outer.delete(key);
  const filled = tiers.filter((tier) => tier.length > 0);
  const first = filled[0]?.[0];
  if (first !== undefined) outer.set('announce', first);
  if (filled.length > 1 || (filled[0]?.length ?? 0) > 1) outer.set('announce-list', filled);
  if (webSeeds.length === 1) outer.set('url-list', webSeeds[0]!);
  if (webSeeds.length > 1) outer.set('url-list', webSeeds);
  return bencode(outer);
}
