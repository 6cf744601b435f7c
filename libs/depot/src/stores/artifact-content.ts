import { FleetseedError } from '#lib/contracts';

import { resolveRange } from '../depot-checks.js';
import type { ArtifactStore } from './artifact-store.js';
import type { ContentReads, PieceHashes } from './content-reads.js';
import type { Place, Places } from './places.js';

/** The bytes of one file of an artifact, wherever they lie. */
export interface FileContent {
  readonly root: string;
  /** Bytes of the file. */
  readonly length: number;
  /**
   * Fills `buffer` from `bufferOffset` with exactly `length` bytes of the file from `position`.
   * @throws RANGE_NOT_SATISFIABLE, DEPOT_INTEGRITY
   */
  read(buffer: Uint8Array, bufferOffset: number, length: number, position: number): Promise<void>;
  /** Where it was when it was read last. */
  readonly place: Place;
}

/**
 * Reads the files of an artifact by their roots, be they blobs or in packs. When an object has been
 * repacked meanwhile, the places are read again and the read goes to the new one.
 */
export class ArtifactContent {
  #reloading: Promise<void> | undefined;

  private constructor(
    private readonly infoHashV2: string,
    private readonly artifacts: ArtifactStore,
    private readonly reads: ContentReads,
    private places: Places,
  ) {}

  /** @throws ARTIFACT_NOT_FOUND, DEPOT_CORRUPT, DEPOT_FORMAT_NEWER */
  static async open(
    infoHashV2: string,
    artifacts: ArtifactStore,
    reads: ContentReads,
  ): Promise<ArtifactContent> {
    const stored = await artifacts.readPlaces(infoHashV2);
    if (stored) return new ArtifactContent(infoHashV2, artifacts, reads, stored.places);
    throw new FleetseedError('ARTIFACT_NOT_FOUND', 'There is no such artifact in the depot.', {
      artifact: infoHashV2,
    });
  }

  has(root: string): boolean {
    return this.places.get(root) !== undefined;
  }

  placeOf(root: string): Place | undefined {
    return this.places.get(root);
  }

  /**
   * @param pieces what the file can be checked by, when that is at hand
   * @throws DEPOT_INTEGRITY if the artifact has no place for `root`.
   */
  open(root: string, pieces: PieceHashes | null = null): FileContent {
    let place = this.#place(root);
    const { length: fileLength } = place;
    const file = { root, length: fileLength, pieces };
    const read: FileContent['read'] = async (buffer, bufferOffset, length, position) => {
      resolveRange(place.object, { offset: position, length }, fileLength);
      const readAt = ({ object, offset }: Place) =>
        this.reads.read(object, buffer, bufferOffset, length, offset + position, file);
      try {
        await readAt(place);
      } catch (error) {
        if (!isGone(error)) throw error;
        place = await this.#movedTo(root, place, error);
        await readAt(place);
      }
    };
    return {
      root,
      length: fileLength,
      read,
      get place() {
        return place;
      },
    };
  }

  /**
   * Like reading one file after the other, from `position` in the first, files that lie so in one object, as those of
   * a tree do in its packs: a read of its own costs more than a small file.
   * @returns false when they lie there no longer: then each is to be read by itself
   */
  async readAdjacent(
    files: readonly FileContent[],
    buffer: Uint8Array,
    bufferOffset: number,
    length: number,
    position: number,
  ): Promise<boolean> {
    const [{ root, length: fileLength, place }] = files as [FileContent];
    const file = { root, length: fileLength, pieces: null };
    const from = place.offset + position;
    try {
      await this.reads.read(place.object, buffer, bufferOffset, length, from, file);
      return true;
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  }

  async #movedTo(root: string, from: Place, cause: unknown): Promise<Place> {
    const known = this.#place(root);
    if (known.object !== from.object) return known;
    this.#reloading ??= this.#reload().finally(() => (this.#reloading = undefined));
    await this.#reloading;
    const now = this.#place(root);
    if (now.object !== from.object && now.length === from.length) return now;
    throw new FleetseedError(
      'DEPOT_INTEGRITY',
      'The content of a file is not where it should be.',
      { artifact: this.infoHashV2, root, object: from.object },
      { cause },
    );
  }

  async #reload(): Promise<void> {
    const stored = await this.artifacts.readPlaces(this.infoHashV2);
    if (stored) this.places = stored.places;
  }

  #place(root: string): Place {
    const place = this.places.get(root);
    if (place) return place;
    throw new FleetseedError('DEPOT_INTEGRITY', 'An artifact has no place for one of its files.', {
      artifact: this.infoHashV2,
      root,
    });
  }
}

/** Whether `next` begins where `file` ends, in the same object. */
export function isAdjacent({ place }: FileContent, { place: next }: FileContent): boolean {
  return next.object === place.object && next.offset === place.offset + place.length;
}

function isGone(error: unknown): boolean {
  return error instanceof FleetseedError && error.code === 'NOT_FOUND';
}
