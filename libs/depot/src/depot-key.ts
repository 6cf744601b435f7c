import { FleetseedError } from '#lib/contracts';

/** A segment does not begin with a dot: no `..`, and no clash with a depot's own hidden names. */
const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9._+~-]*$/;

/** Less than the 255 bytes of file systems and the 1,024 of S3. */
const MAX_SEGMENT_LENGTH = 200;
const MAX_KEY_LENGTH = 800;

/** Refuses a key that is not `segment/segment/…` of `[A-Za-z0-9._+~-]`. @throws DEPOT_KEY_INVALID */
export function assertKey(key: string): void {
  const refusal = refusalOf(key);
  if (refusal) {
    throw new FleetseedError('DEPOT_KEY_INVALID', `Depot key ${refusal}.`, {
      key: key.slice(0, 200),
    });
  }
}

/** Refuses a listing prefix that no key could begin with. @throws DEPOT_KEY_INVALID */
export function assertPrefix(prefix: string): void {
  const segments = prefix.split('/');
  // Only the last may be empty: then the prefix is a folder, or everything.
  const fits = segments.every(
    (segment, index) =>
      SEGMENT.test(segment) || (segment === '' && index === segments.length - 1 && prefix !== '/'),
  );
  if (prefix.length > MAX_KEY_LENGTH || !fits) {
    throw new FleetseedError('DEPOT_KEY_INVALID', 'Depot prefix can not begin any key.', {
      key: prefix.slice(0, 200),
    });
  }
}

/** Bytewise order, which for the ASCII of keys is the order of code units. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function refusalOf(key: string): string | undefined {
  if (key.length === 0) return 'is empty';
  if (key.length > MAX_KEY_LENGTH) return `is longer than ${MAX_KEY_LENGTH} characters`;
  for (const segment of key.split('/')) {
    if (segment.length > MAX_SEGMENT_LENGTH) {
      return `has a segment longer than ${MAX_SEGMENT_LENGTH} characters`;
    }
    if (!SEGMENT.test(segment)) return `has the invalid segment '${segment.slice(0, 80)}'`;
  }
  return undefined;
}
