import { AppName, Import } from '#lib/contracts';

import { route } from '../connection/route.js';
import type { Invocation } from '../invocation.js';
import { bytesText, percentText, timeText } from '../output/quantities.js';
import { table } from '../output/table.js';
import { checkArgument, parseCount } from './arguments.js';

const TITLES = ['release', 'from', 'state', 'fetched', 'created', 'job', 'error'];

/** What is or was fetched by the origin, of all apps or of one. */
export async function listImports(
  call: Invocation<{ readonly limit?: string }>,
  app: string | undefined,
): Promise<void> {
  const path =
    app === undefined ? '/imports' : route`/apps/${checkArgument(AppName, app, 'the app')}/imports`;
  const limit = parseCount(call.options.limit ?? '50', '--limit', 1, 1_000_000);
  const items = await call.origin().list(path, Import, limit);
  call.output.result({ items }, () => table(TITLES, items.map(rowOf)));
}

export function rowOf(item: Import): string[] {
  const { app, version, from, state, step, createdAt, job, error } = item;
  return [
    `${app}@${version}`,
    from,
    step ?? (state === 'open' ? 'waiting' : state),
    fetchedText(item),
    timeText(createdAt),
    job,
    error === null ? '' : `${error.detail} (${error.code})`,
  ];
}

function fetchedText({ receivedBytes, bytes }: Import): string {
  if (bytes === null || bytes === 0) return bytesText(receivedBytes);
  return `${percentText(receivedBytes / bytes)} of ${bytesText(bytes)}`;
}
