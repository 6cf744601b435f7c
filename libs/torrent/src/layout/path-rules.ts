import { FleetseedError } from '#lib/contracts';

/** Linux: NAME_MAX and PATH_MAX, bytes. A name beyond them could not be made on any target. */
const MAX_COMPONENT_BYTES = 255;
const MAX_PATH_BYTES = 4096;
/** A component costs one level of nesting in a file tree; decoders bound these at 100. */
const MAX_COMPONENTS = 90;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of raw bytes. @throws FleetseedError METAINFO_PATH_INVALID when it is not UTF-8. */
export function decodeComponent(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    const hex = Buffer.from(bytes).toString('hex');
    const message = `A name is not valid UTF-8: bytes ${hex.slice(0, 64)}.`;
    throw new FleetseedError('METAINFO_PATH_INVALID', message, {}, { cause });
  }
}

/**
 * A name that may become a file or folder below an artifact's root: it can neither leave it nor
 * mean another place. A backslash is an ordinary character on Linux (systemd escapes unit names
 * with it), so it is refused only where reading it as a separator would lead outside.
 *
 * @throws FleetseedError METAINFO_PATH_INVALID
 */
export function checkComponent(component: string, whole: readonly string[] = [component]): void {
  const problem = problemOf(component);
  if (problem !== null) throw invalid(whole, problem);
}

/** @throws FleetseedError METAINFO_PATH_INVALID */
export function checkPath(path: readonly string[]): void {
  if (path.length === 0) throw invalid(path, 'it is empty');
  checkTarget(path);
}

/** The rules of a path for the target of a symlink, which may also be the root itself. */
export function checkTarget(path: readonly string[]): void {
  if (path.length > MAX_COMPONENTS) throw invalid(path, `it is deeper than ${MAX_COMPONENTS}`);
  let bytes = path.length;
  for (const component of path) {
    checkComponent(component, path);
    bytes += Buffer.byteLength(component);
  }
  if (bytes > MAX_PATH_BYTES) throw invalid(path, `it is longer than ${MAX_PATH_BYTES} bytes`);
}

/** The canonical order: component by component, each as raw UTF-8 bytes (BEP 52). */
export function comparePaths(left: readonly string[], right: readonly string[]): number {
  const shared = Math.min(left.length, right.length);
  for (let at = 0; at < shared; at++) {
    const order = compareText(left[at]!, right[at]!);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** Collects the paths of one artifact and refuses those that cannot all exist. */
export class PathSet {
  private readonly files = new Set<string>();
  private readonly folders = new Set<string>();

  /** @throws FleetseedError METAINFO_PATH_INVALID for a duplicate, or a file that is a folder too. */
  add(path: readonly string[]): void {
    const whole = path.join('/');
    if (this.files.has(whole)) throw invalid(path, 'it stands twice');
    if (this.folders.has(whole)) throw invalid(path, 'it is a file and a folder at once');
    for (let depth = path.length - 1; depth > 0; depth--) {
      const folder = path.slice(0, depth).join('/');
      // All folders above a known one are known and were checked.
      if (this.folders.has(folder)) break;
      if (this.files.has(folder)) {
        throw invalid(path.slice(0, depth), 'it is a file and a folder at once');
      }
      this.folders.add(folder);
    }
    this.files.add(whole);
  }
}

/** Order of the UTF-8 bytes of two texts, without encoding them: sorting large trees is hot. */
function compareText(left: string, right: string): number {
  if (left === right) return 0;
  const shared = Math.min(left.length, right.length);
  for (let at = 0; at < shared; at++) {
    const order = utf8Rank(left.charCodeAt(at)) - utf8Rank(right.charCodeAt(at));
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** UTF-16 orders surrogates below U+E000; in UTF-8 what they stand for comes after U+FFFF. */
function utf8Rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

function problemOf(component: string): string | null {
  if (component === '') return 'a component is empty';
  if (component === '.' || component === '..') return `a component is "${component}"`;
  if (component.includes('/')) return 'a component contains a separator';
  if (component.includes('\0')) return 'a component contains a NUL';
  if (!component.isWellFormed()) return 'a component is not well-formed Unicode';
  if (component.includes('\\') && leadsOutside(component)) return 'a backslash leads outside';
  if (Buffer.byteLength(component) > MAX_COMPONENT_BYTES) {
    return `a component is longer than ${MAX_COMPONENT_BYTES} bytes`;
  }
  return null;
}

function leadsOutside(component: string): boolean {
  const parts = component.split('\\');
  return parts[0] === '' || /^[a-z]:$/i.test(parts[0]!) || parts.includes('..');
}

function invalid(path: readonly string[], what: string): FleetseedError {
  const shown = path.join('/').slice(0, 200);
  return new FleetseedError(
    'METAINFO_PATH_INVALID',
    `The path ${JSON.stringify(shown)} is refused: ${what}.`,
    { path: shown },
  );
}
