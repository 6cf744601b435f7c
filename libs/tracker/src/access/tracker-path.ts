import { FleetseedError } from '#lib/contracts';

/** What a path of the tracker's URL asks for. */
export interface TrackerPath {
  /** Null when the path has none. */
  readonly key: string | null;
  readonly action: 'announce' | 'scrape';
}

const MAX_KEY = 512;
const ROUTE = /^\/(?:announce\/([^/]+)\/)?(announce|scrape)$/;

/**
 * Reads `/announce`, `/scrape`, `/announce/<key>/announce` and `/announce/<key>/scrape`, undecoded and
 * without a query; null for any other path.
 * @throws FleetseedError TRACKER_KEY_INVALID for a key that cannot be read
 */
export function parseTrackerPath(path: string): TrackerPath | null {
  const route = ROUTE.exec(path);
  if (!route) return null;
  return {
    key: route[1] === undefined ? null : keyOf(route[1]),
    action: route[2] as TrackerPath['action'],
  };
}

function keyOf(segment: string): string {
  let key: string;
  try {
    key = decodeURIComponent(segment);
  } catch {
    throw new FleetseedError('TRACKER_KEY_INVALID', 'The key in the path cannot be read.');
  }
  if (key.length > MAX_KEY) throw new FleetseedError('TRACKER_KEY_INVALID', 'The key is too long.');
  return key;
}
