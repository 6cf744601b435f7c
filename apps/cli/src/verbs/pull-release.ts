import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';

import { FleetseedError, HostPort, parseReleaseReference, systemErrorCode } from '#lib/contracts';
import { deadline, silentLogger, streamLogger, type Logger } from '#lib/runtime';
import { HashPool, Session } from '#lib/swarm';

import { splitHostPort } from '../connection/host-port.js';
import type { Invocation } from '../invocation.js';
import { bytesText, durationText } from '../output/quantities.js';
import { PullDisplay, receivedBytes } from '../pull/pull.display.js';
import { dropTreeMetadata, runPull, type PulledContent } from '../pull/pull.run.js';
import type { PullTarget } from '../pull/pull.types.js';
import { reportStage } from '../pull/report-stage.js';
import { enterSwarm, fetchMetainfo } from '../pull/swarm-entry.js';
import { checkArgument, parseSeconds } from './arguments.js';

export interface PullOptions {
  readonly out: string;
  readonly listen: string;
  readonly advertise?: string;
  readonly seed?: boolean;
  readonly timeout?: string;
}

type Call = Invocation<PullOptions>;

/** One-shot download through the swarm; with `--seed` it stays in the swarm until it is stopped. */
export async function pull(call: Call, reference: string): Promise<void> {
  const { app, version } = parseReleaseReference(reference);
  const { listen, advertise, timeout } = call.options;
  const limit = timeout === undefined ? null : parseSeconds(timeout, '--timeout');
  const advertised =
    advertise === undefined ? undefined : checkArgument(HostPort, advertise, '--advertise');
  const address = splitHostPort(listen, '--listen');
  if (isIP(address.host) === 0)
    throw new FleetseedError('USAGE', `--listen "${listen}" is not IP:PORT.`);
  const logger = loggerOf(call);
  const hasher = new HashPool();
  const session = new Session({
    hasher,
    listen: address,
    logger,
    ...(advertised === undefined
      ? {}
      : { advertisedPort: splitHostPort(advertised, '--advertise').port }),
  });
  try {
    await begin(session, listen);
    const signal = limit === null ? call.signal : deadline(limit * 1000, call.signal);
    const run = {
      call,
      session,
      hasher,
      advertise: advertised,
      logger,
      signal,
      began: performance.now(),
    };
    const pulled = await untilLate(run, limit, () => fetch(run, app, version));
    if (call.options.seed === true) await seed(call, session, pulled.target.metainfo.name);
    await pulled.reported;
    if (call.options.seed !== true) await dropTreeMetadata(pulled.target);
  } finally {
    await session.close();
    await hasher.close();
  }
}

interface Run {
  readonly call: Call;
  readonly session: Session;
  readonly hasher: HashPool;
  readonly advertise: string | undefined;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly began: number;
}

interface Pulled {
  readonly target: PullTarget;
  /** The ledger knows of it, or cannot be told. */
  readonly reported: Promise<void>;
}

async function fetch(run: Run, app: string, version: string): Promise<Pulled> {
  const { call, session, hasher, advertise, signal, logger } = run;
  const api = call.origin();
  const { artifact } = await api.release(app, version);
  const metainfo = await fetchMetainfo(api, artifact, signal);
  const out = resolve(call.options.out);
  await mkdir(out, { recursive: true });
  const target: PullTarget = { app, version, artifact, metainfo, root: join(out, metainfo.name) };
  const display = new PullDisplay(call.output, session, metainfo.length);
  try {
    const content = await runPull({
      session,
      hasher,
      access: () => enterSwarm({ api, session, metainfo, advertise, signal }),
      target,
      display,
      note: (text) => call.output.note(text),
      logger,
      seeding: call.options.seed === true,
      signal,
    });
    display.clear();
    const seconds = (performance.now() - run.began) / 1000;
    tellDone(call, target, content, seconds);
    return { target, reported: report(call, target, content, seconds) };
  } finally {
    display.clear();
  }
}

/** The keys of the JSON form are a contract with programs outside. */
function tellDone(
  call: Call,
  { metainfo, root }: PullTarget,
  content: PulledContent,
  seconds: number,
) {
  const { fromOrigin, fromPeers, reused } = content.bytes;
  const bytes = metainfo.length;
  call.output.result({ event: 'done', bytes, fromOrigin, fromPeers, reused, seconds }, () => {
    const sources = `origin ${bytesText(fromOrigin)}, peers ${bytesText(fromPeers)}, reused ${bytesText(reused)}`;
    return `pulled ${bytesText(bytes)} to ${root} in ${durationText(seconds)} (${sources})`;
  });
}

/** A download that is there is no failure because its account could not be told. */
async function report(
  call: Call,
  target: PullTarget,
  content: PulledContent,
  seconds: number,
): Promise<void> {
  if (!content.staged) return;
  try {
    await reportStage(call.origin(), target, content.bytes, seconds);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    call.output.note(`note: the origin's ledger does not know of this pull: ${reason}`);
  }
}

async function seed(call: Call, session: Session, name: string): Promise<void> {
  call.output.note(`seeding ${name} on port ${session.port} until stopped`);
  if (!call.signal.aborted) await once(call.signal, 'abort');
}

async function begin(session: Session, listen: string): Promise<void> {
  try {
    await session.listen();
  } catch (error) {
    const reason = systemErrorCode(error) ?? String(error);
    throw new FleetseedError(
      'USAGE',
      `--listen ${listen} cannot be had (${reason}).`,
      {},
      { cause: error },
    );
  }
}

/** Says of a pull that took too long whether it was slow or had nobody to get anything from. */
async function untilLate<T>(
  { call, session, signal }: Run,
  limit: number | null,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!signal.aborted || call.signal.aborted || limit === null) throw error;
    const received = receivedBytes(session);
    const cause = { cause: error };
    if (received === 0) {
      const text = `Nothing came from the origin or from peers within ${durationText(limit)}.`;
      throw new FleetseedError('NO_PEERS', text, {}, cause);
    }
    const text = `Not complete after ${durationText(limit)}; ${bytesText(received)} came and are kept for the next try.`;
    throw new FleetseedError('STAGE_TIMED_OUT', text, {}, cause);
  }
}

function loggerOf({ output }: Call): Logger {
  if (!process.env['FLEETSEED_DEBUG']) return silentLogger;
  const write = (line: string) => output.note(line.trimEnd());
  return streamLogger({ level: 'debug', json: false, write });
}
