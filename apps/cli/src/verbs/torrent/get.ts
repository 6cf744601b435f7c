import { HandedOutFormat, parseReleaseReference } from '#lib/contracts';
import { parseMetainfo } from '#lib/torrent';

import { route } from '../../connection/route.js';
import type { Invocation } from '../../invocation.js';
import { bytesText } from '../../output/quantities.js';
import { checkArgument } from '../arguments.js';
import { writeTorrent } from './write-torrent.js';

export interface GetOptions {
  readonly out: string;
  readonly webSeed?: boolean;
  readonly format?: string;
}

export async function get(call: Invocation<GetOptions>, reference: string): Promise<void> {
  const { app, version } = parseReleaseReference(reference);
  const { format, webSeed } = call.options;
  if (format !== undefined) checkArgument(HandedOutFormat, format, '--format');
  const api = call.origin();
  const path = route`/apps/${app}/releases/${version}/torrent`;
  const bytes = await api.suggesting(app, version, () =>
    api.client.bytes({
      method: 'GET',
      path: `/api/v1${path}`,
      headers: { accept: 'application/x-bittorrent' },
      query: {
        ...(webSeed === true ? { webSeed: 1 } : {}),
        ...(format === undefined ? {} : { format }),
      },
      signal: call.signal,
    }),
  );
  const metainfo = parseMetainfo(bytes);
  // The announce URLs hold a key that opens the swarm: only the owner reads it.
  await writeTorrent(call.options.out, bytes, 0o600);
  const result = {
    app,
    version,
    name: metainfo.name,
    infoHashV1: metainfo.infoHashV1?.toString('hex') ?? null,
    infoHashV2: metainfo.infoHashV2?.toString('hex') ?? null,
    bytes: metainfo.length,
    pieces: metainfo.pieceCount,
    pieceLength: metainfo.pieceLength,
    out: call.options.out,
  };
  call.output.result(
    result,
    () => `wrote ${call.options.out}: ${app}@${version}, ${bytesText(metainfo.length)}`,
  );
}
