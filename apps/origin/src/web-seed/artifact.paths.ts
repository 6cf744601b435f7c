import type { Metainfo } from '#lib/torrent';

/** A file's bytes inside the payload of its artifact. */
export interface FileRange {
  readonly offset: number;
  readonly length: number;
}

/** What a web-seed URL names: the key, the artifact, and the rest as decoded path components. */
export interface WebSeedPath {
  /** A tracker key, or `-` when the caller proves itself by a header. */
  readonly key: string;
  /** v2 info-hash, hex. */
  readonly artifact: string;
  readonly components: readonly string[];
}

const PATH = /^\/webseed\/([A-Za-z0-9._~-]{1,512})\/([0-9a-f]{64})\/([^?#]{1,16384})(?:\?.*)?$/s;

/**
 * Takes a request target apart (BEP 19: `<url>/<name>/<path…>`). Every component is percent-decoded
 * on its own, so that an encoded slash does not make two of one.
 * @returns null for anything that cannot name a file.
 */
export function parseWebSeedPath(target: string): WebSeedPath | null {
  const match = PATH.exec(target);
  if (!match) return null;
  try {
    const components = match[3]!.split('/').map(decodeURIComponent);
    return { key: match[1]!, artifact: match[2]!, components };
  } catch {
    return null;
  }
}

/**
 * Where each file of an artifact lies. Paths are looked up in the metainfo and nowhere else, so no
 * path from outside ever comes near a file system.
 */
export class ArtifactPaths {
  readonly #files = new Map<string, FileRange>();

  constructor(metainfo: Pick<Metainfo, 'name' | 'single' | 'files'>) {
    let offset = 0;
    for (const file of metainfo.files) {
      if (file.symlink === null) {
        const path = metainfo.single ? [metainfo.name] : [metainfo.name, ...file.path];
        this.#files.set(keyOf(path), { offset, length: file.length });
      }
      offset += file.length;
    }
  }

  find(components: readonly string[]): FileRange | null {
    return this.#files.get(keyOf(components)) ?? null;
  }
}

/** NUL cannot be in a component of a metainfo, so it cannot be confused with one. */
function keyOf(components: readonly string[]): string {
  return components.join('\0');
}
