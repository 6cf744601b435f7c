import { Injectable } from '@nestjs/common';

import type { ArtifactSummary, DeclaredFile } from '#lib/contracts';
import { ArtifactStore, Places } from '#lib/depot';
import { buildMetainfo, parseMetainfo, v1EditionOf, type BuildFile } from '#lib/torrent';

import type { UploadPlan, UploadRecord } from '../uploads/upload-record.js';
import { Quarantine } from '../verification/quarantine.js';
import { KnownPlaces } from './known-places.js';
import { UploadContent, type StoredContent } from './upload-content.js';
import { V1Pieces } from './v1-pieces.js';

export interface MakeOptions {
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number) => void;
}

/** Makes an artifact of an upload that is complete. Every step may be repeated. */
@Injectable()
export class ArtifactMaker {
  constructor(
    private readonly content: UploadContent,
    private readonly known: KnownPlaces,
    private readonly v1: V1Pieces,
    private readonly artifacts: ArtifactStore,
    private readonly quarantine: Quarantine,
  ) {}

  /** @throws ROOT_MISMATCH, UPLOAD_INCOMPLETE, and what the rules of metainfo refuse */
  async make(
    record: UploadRecord,
    plan: UploadPlan,
    { signal, progress }: MakeOptions,
  ): Promise<ArtifactSummary> {
    const total = plan.objects.length + 1;
    let done = 0;
    const stored = () => progress(++done, total);
    const contents = await this.content.store(record, plan, stored, signal);
    for (const [root, content] of await this.known.find(plan)) contents.set(root, content);
    const { name, single, format } = plan.request;
    const piecesV1 = format === 'hybrid' ? await this.v1.of(plan, contents, signal) : undefined;
    const { metainfoBytes } = buildMetainfo({
      name,
      single,
      format,
      pieceLength: plan.pieceLength,
      files: plan.request.files.map((file) => buildFile(file, contents)),
      ...(piecesV1 ? { piecesV1 } : {}),
    });
    const places = Places.of([...contents].map(([root, { place }]) => [root, place] as const));
    return this.#create(metainfoBytes, places);
  }

  async #create(torrent: Buffer, places: Places): Promise<ArtifactSummary> {
    // Read back by the parser that everybody else uses: what it would refuse is not published.
    const metainfo = parseMetainfo(torrent);
    const artifact = metainfo.infoHashV2!.toString('hex');
    const created = await this.artifacts.create(artifact, torrent, places);
    // What was there already may have lost files that have just come again.
    if (!created) await this.quarantine.adopt(artifact, places);
    return {
      artifact,
      infoHashV1: metainfo.infoHashV1?.toString('hex') ?? null,
      infoHashV1Only: v1EditionOf(metainfo)?.infoHash.toString('hex') ?? null,
      infoHashV2: artifact,
      name: metainfo.name,
      single: metainfo.single,
      bytes: metainfo.length,
      files: metainfo.files.length,
      pieces: metainfo.pieceCount,
      pieceLength: metainfo.pieceLength,
    };
  }
}

function buildFile(file: DeclaredFile, contents: ReadonlyMap<string, StoredContent>): BuildFile {
  const { path, length, executable, symlink, root } = file;
  const layer = root === null ? null : (contents.get(root)?.layer ?? null);
  return {
    path,
    length,
    executable,
    symlink: symlink ?? null,
    root: root === null ? null : Buffer.from(root, 'hex'),
    ...(layer ? { pieceLayer: layer } : {}),
  };
}
