import { Injectable } from '@nestjs/common';

import { FleetseedError } from '#lib/contracts';
import { ArtifactStore, BlobStore, PACKED_BELOW, type Place, type Places } from '#lib/depot';
import { pieceLayerOf } from '#lib/torrent';

import type { UploadPlan } from '../uploads/upload-record.js';
import type { StoredContent } from './upload-content.js';

/** Finds what the client was told it need not send. */
@Injectable()
export class KnownPlaces {
  constructor(
    private readonly artifacts: ArtifactStore,
    private readonly blobs: BlobStore,
  ) {}

  /** @throws UPLOAD_INCOMPLETE if content has gone since */
  async find(plan: UploadPlan): Promise<Map<string, StoredContent>> {
    const lengths = new Map<string, number>();
    for (const { root, length } of plan.request.files) {
      if (root !== null) lengths.set(root, length);
    }
    const sources = await this.#sources(plan.knownFrom);
    const found = new Map<string, StoredContent>();
    for (const root of plan.knownRoots) {
      const length = lengths.get(root) ?? 0;
      const place =
        length >= PACKED_BELOW ? await this.blobs.locateBlob(root) : placeIn(sources, root);
      if (place?.length !== length) throw gone(root);
      found.set(root, {
        place,
        layer: await this.#layer(root, place, plan.pieceLength),
        sha1: null,
      });
    }
    return found;
  }

  async #layer(root: string, place: Place, pieceLength: number): Promise<Buffer | null> {
    if (place.length <= pieceLength) return null;
    return pieceLayerOf(await this.blobs.readLeaves(root, place), pieceLength);
  }

  async #sources(artifacts: readonly string[]): Promise<Places[]> {
    const stored = await Promise.all(artifacts.map((each) => this.artifacts.readPlaces(each)));
    return stored.flatMap((each) => (each ? [each.places] : []));
  }
}

function placeIn(sources: readonly Places[], root: string): Place | null {
  for (const places of sources) {
    const place = places.get(root);
    if (place) return place;
  }
  return null;
}

function gone(root: string): FleetseedError {
  return new FleetseedError(
    'UPLOAD_INCOMPLETE',
    'Content that was there when the upload began is gone; start the upload again.',
    { root },
  );
}
