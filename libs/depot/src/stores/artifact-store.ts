import type { Depot } from '../depot.js';
import { placesKey, torrentKey } from './layout.js';
import { Places } from './places.js';

export interface VersionedPlaces {
  readonly places: Places;
  readonly version: string;
}

/** Artifacts by their v2 info-hash: an artifact is there if and only if its `.torrent` is. */
export class ArtifactStore {
  constructor(private readonly depot: Depot) {}

  async has(infoHashV2: string): Promise<boolean> {
    const key = torrentKey(infoHashV2);
    return (await this.depot.list(key, { limit: 1 })).keys[0] === key;
  }

  async readTorrent(infoHashV2: string): Promise<Buffer | null> {
    return (await this.depot.readDocument(torrentKey(infoHashV2)))?.bytes ?? null;
  }

  /** @throws DEPOT_CORRUPT, DEPOT_FORMAT_NEWER */
  async readPlaces(infoHashV2: string): Promise<VersionedPlaces | null> {
    const stored = await this.depot.readDocument(placesKey(infoHashV2));
    return stored && { places: Places.decode(stored.bytes), version: stored.version };
  }

  /**
   * Makes an artifact: its places first, its metainfo last. What an interrupted try left is
   * overwritten; what is there is not touched.
   * @returns false if it was there already.
   */
  async create(infoHashV2: string, torrent: Uint8Array, places: Places): Promise<boolean> {
    for (;;) {
      if (await this.has(infoHashV2)) return false;
      const left = await this.depot.readDocument(placesKey(infoHashV2));
      const written = left
        ? await this.replacePlaces(infoHashV2, places, left.version)
        : await this.depot.createDocument(placesKey(infoHashV2), places.encode());
      if (written) return this.depot.createDocument(torrentKey(infoHashV2), torrent);
    }
  }

  /** Says that files have moved. @returns the new version, or null if somebody else was first. */
  async replacePlaces(
    infoHashV2: string,
    places: Places,
    expectedVersion: string,
  ): Promise<string | null> {
    return this.depot.replaceDocument(placesKey(infoHashV2), places.encode(), expectedVersion);
  }

  /** Removes an artifact: first what makes it exist. For collection. */
  async delete(infoHashV2: string): Promise<void> {
    await this.depot.delete(torrentKey(infoHashV2));
    await this.depot.delete(placesKey(infoHashV2));
  }
}
