import { text } from 'node:stream/consumers';

import {
  ChannelName,
  FleetseedError,
  Hex32,
  Import,
  knownCode,
  parseReleaseReference,
  StartImport,
  type Release,
} from '#lib/contracts';

import { route } from '../connection/route.js';
import type { Invocation } from '../invocation.js';
import { bytesText } from '../output/quantities.js';
import { checkArgument, parseBytes } from './arguments.js';
import { follow } from './follow-job.js';

const Name = StartImport.shape.name.unwrap();

export interface ImportOptions {
  readonly from: string;
  readonly name?: string;
  readonly channel?: string;
  readonly sha256?: string;
  readonly bytes?: string;
  readonly insecureHttp?: boolean;
  readonly wait: boolean;
}

/** Lets the origin fetch a file and make a release of it; waits until that is done, unless told not to. */
export async function importRelease(
  call: Invocation<ImportOptions>,
  reference: string,
): Promise<void> {
  const { app, version } = parseReleaseReference(reference);
  const request = await requestOf(call.options, version);
  const path = route`/apps/${app}/imports`;
  const begun = await call.origin().send('POST', path, request, Import);
  if (!call.options.wait) {
    call.output.result(begun, () => `importing ${reference}: ${begun.job}`);
    return;
  }
  const progress = call.output.progress('fetching');
  let said = '';
  const look = (now: Import) => {
    const { state, step, receivedBytes, bytes, error } = now;
    if (state !== 'open') return true;
    if (step === 'fetching') progress.update(receivedBytes, bytes ?? receivedBytes);
    const about = step ?? (error === null ? 'waiting' : `trying again: ${error.detail}`);
    if (about !== said && about !== 'fetching') call.output.note(`${reference}: ${about}`);
    said = about;
    return false;
  };
  const ask = () => call.origin().get(route`/imports/${begun.import}`, Import);
  const ended = await follow(call, begun, ask, look).finally(() => progress.clear());
  if (ended.state !== 'done' || !ended.release) throw failure(ended);
  report(call, ended.release, ended);
}

/**
 * `-` reads the source from stdin, as arguments are there for all to see. What opens it must not be
 * shown by an error either, so each part is checked by itself.
 */
async function requestOf(options: ImportOptions, version: string): Promise<StartImport> {
  const { name, channel, sha256, bytes, insecureHttp = false } = options;
  const from = options.from === '-' ? (await text(process.stdin)).trim() : options.from;
  if (!StartImport.shape.from.safeParse(from).success) {
    throw new FleetseedError('USAGE', '--from is not a source of 1 to 4096 characters.');
  }
  const hex = sha256?.toLowerCase();
  return {
    version,
    from,
    insecureHttp,
    ...(name === undefined ? {} : { name: checkArgument(Name, name, '--name') }),
    ...(channel === undefined ? {} : { channel: checkArgument(ChannelName, channel, '--channel') }),
    ...(hex === undefined ? {} : { sha256: checkArgument(Hex32, hex, '--sha256') }),
    ...(bytes === undefined ? {} : { bytes: parseBytes(bytes, '--bytes') }),
  };
}

function failure({ state, error, import: id }: Import): FleetseedError {
  if (state === 'cancelled') {
    return new FleetseedError('ABORTED', 'The import was cancelled.', { import: id });
  }
  const { code, detail } = error ?? { code: 'INTERNAL', detail: 'The origin made no release.' };
  return new FleetseedError(knownCode(code), detail, { import: id });
}

function report(call: Invocation<ImportOptions>, release: Release, { created }: Import): void {
  const { app, version, artifact, infoHashV1, infoHashV2, bytes, pieces, pieceLength } = release;
  const hashes = { artifact, infoHashV1, infoHashV2 };
  const result = { app, version, ...hashes, bytes, pieces, pieceLength, created: created ?? false };
  const { channel } = call.options;
  call.output.result(result, () => {
    const what = created ? 'imported' : 'there already with this content:';
    const where = channel === undefined ? '' : `, channel ${channel} moved to it`;
    return `${what} ${app}@${version} (${artifact.slice(0, 12)}, ${bytesText(bytes)}${where})`;
  });
}
