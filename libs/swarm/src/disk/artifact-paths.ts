import { dirname } from 'node:path';

import { FleetseedError } from '#lib/contracts';

/** Payload below this folder describes the artifact and is not part of the tree that people see. */
export const META_FOLDER = '.fleetseed';

/** The layout of an artifact, as `Metainfo` of #lib/torrent has it. */
export interface ArtifactLayout {
  /** True when the artifact is one file. */
  readonly single: boolean;
  readonly files: readonly {
    /** Components below the artifact's root. */
    readonly path: readonly string[];
    readonly length: number;
  }[];
}

/**
 * Where the files of an artifact lie. `root` is the artifact itself: the file when it is one file,
 * else its folder. What lies below `.fleetseed/` is kept beside it in `<root>.meta/`, so that the
 * folder holds exactly the tree that was pushed.
 *
 * Metainfo was checked when it was parsed; components are checked here once more, because this is
 * the last place before the file system.
 */
export class ArtifactPaths {
  constructor(
    readonly root: string,
    private readonly single: boolean,
  ) {}

  get metaRoot(): string {
    return `${this.root}.meta`;
  }

  /** @throws FleetseedError UNPACK_REFUSED when the path could lead outside. */
  pathOf(components: readonly string[]): string {
    const [base, below] = this.#split(components);
    // Checked, so that there is nothing for `join` to make of it, which takes its time with tens of thousands.
    return below.length === 0 ? base : `${base}/${below.join('/')}`;
  }

  /** The folder that is taken for granted, and the folders below it that lead to the file. */
  foldersOf(components: readonly string[]): { base: string; below: readonly string[] } {
    const [base, below] = this.#split(components);
    if (below.length === 0) return { base: dirname(base), below };
    return { base, below: below.slice(0, -1) };
  }

  #split(components: readonly string[]): [string, readonly string[]] {
    for (const component of components) checkComponent(component, components);
    if (this.single) {
      if (components.length !== 1) throw refused(components);
      return [this.root, []];
    }
    if (components.length === 0) throw refused(components);
    if (components[0] !== META_FOLDER) return [this.root, components];
    if (components.length === 1) throw refused(components);
    return [this.metaRoot, components.slice(1)];
  }
}

function checkComponent(component: string, whole: readonly string[]): void {
  const dots = component === '' || component === '.' || component === '..';
  if (dots || component.includes('/') || component.includes('\0')) throw refused(whole);
}

function refused(path: readonly string[]): FleetseedError {
  const shown = path.join('/').slice(0, 200);
  const text = `The path ${JSON.stringify(shown)} could lead outside of its folder.`;
  return new FleetseedError('UNPACK_REFUSED', text, { path: shown });
}
