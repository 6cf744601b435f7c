import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { bytesText, durationText } from '../output/quantities.js';
import { PullDisplay } from './pull.display.js';
import { dropTreeMetadata, runPull, type PulledContent } from './pull.run.js';
import type { PullCall, PullTarget } from './pull.types.js';
import { tellLedger } from './report-stage.js';
import { selectFiles } from './select-files.js';
import { checkedMetainfo, enterSwarm } from './swarm-entry.js';

/** Brings a release, or what is selected of it, to `<out>/<name>`. */
export async function pullToFolder(call: PullCall, out: string): Promise<void> {
  const { prefetched, session, app, version, select, seeding, output } = call;
  const artifact = await prefetched.artifact;
  const metainfo = checkedMetainfo(await prefetched.metainfoBytes, artifact);
  const selection = select.length > 0 ? selectFiles(metainfo, select) : null;
  const folder = resolve(out);
  await mkdir(folder, { recursive: true });
  const root = join(folder, metainfo.name);
  const target: PullTarget = { app, version, artifact, metainfo, root };
  const bytes = selection?.bytes ?? metainfo.length;
  const display = new PullDisplay(output, session, bytes);
  try {
    const content = await runPull({
      ...call,
      access: () => enterSwarm({ ...call, metainfo }),
      target,
      selection,
      display,
      note: (text) => output.note(text),
    });
    display.clear();
    const seconds = (performance.now() - call.began) / 1000;
    tellDone(call, target, content, bytes, seconds);
    const told = content.staged ? tellLedger(call, artifact, content.staged, seconds) : null;
    if (seeding) await call.untilStopped(metainfo.name);
    await told;
    if (!seeding) await dropTreeMetadata(target);
  } finally {
    display.clear();
  }
}

/** The keys of the JSON form are a contract with programs outside. */
function tellDone(
  { output, select, repairing }: PullCall,
  { metainfo, root }: PullTarget,
  { bytes: { fromOrigin, fromPeers, reused }, bad }: PulledContent,
  bytes: number,
  seconds: number,
): void {
  const facts = { event: 'done', bytes, fromOrigin, fromPeers, reused, seconds };
  const ofTree = select.length > 0 ? { total: metainfo.length } : {};
  const checked = repairing ? { bad } : {};
  output.result({ ...facts, ...ofTree, ...checked }, () => {
    const sources = `origin ${bytesText(fromOrigin)}, peers ${bytesText(fromPeers)}, reused ${bytesText(reused)}`;
    const part = select.length > 0 ? ` of ${bytesText(metainfo.length)}` : '';
    const found = repairing ? `; ${badText(bad.length)}` : '';
    return `pulled ${bytesText(bytes)}${part} to ${root} in ${durationText(seconds)} (${sources}${found})`;
  });
}

function badText(count: number): string {
  if (count === 0) return 'nothing was bad';
  return count === 1 ? '1 file was bad' : `${count} files were bad`;
}
