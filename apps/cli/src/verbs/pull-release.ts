import { once } from 'node:events';
import { isIP } from 'node:net';

import { FleetseedError, HostPort, systemErrorCode } from '#lib/contracts';
import { deadline, silentLogger, streamLogger, type Logger } from '#lib/runtime';
import { HashPool, Session } from '#lib/swarm';

import { splitHostPort } from '../connection/host-port.js';
import type { Invocation } from '../invocation.js';
import { bytesText, durationText } from '../output/quantities.js';
import type { Prefetched } from '../pull/prefetch.js';
import { outFolderOf, type PullModeOptions } from '../pull/pull-mode.js';
import { pullToFolder } from '../pull/pull-to-folder.js';
import { pullToStdout } from '../pull/pull-to-stdout.js';
import { receivedBytes } from '../pull/pull.display.js';
import type { PullCall } from '../pull/pull.types.js';
import { checkArgument, parseSeconds } from './arguments.js';
import { changeOf, type RateOptions } from './limits.js';

export interface PullOptions extends PullModeOptions, RateOptions {
  readonly listen: string;
  readonly advertise?: string;
  readonly timeout?: string;
}

type Call = Invocation<PullOptions>;

/** Reading in order, the window takes what the rest does not get. */
const STREAM_MEMORY = 24 * 1024 * 1024;

/** One-shot download through the swarm; with `--seed` it stays in the swarm until it is stopped. */
export async function pull(call: Call, prefetched: Prefetched): Promise<void> {
  const { listen, advertise, timeout } = call.options;
  const out = outFolderOf(call.options);
  const limit = timeout === undefined ? null : parseSeconds(timeout, '--timeout');
  const advertised =
    advertise === undefined ? undefined : checkArgument(HostPort, advertise, '--advertise');
  const { upload = null, download = null } = changeOf(call.options, undefined) ?? {};
  const address = splitHostPort(listen, '--listen');
  if (isIP(address.host) === 0)
    throw new FleetseedError('USAGE', `--listen "${listen}" is not IP:PORT.`);
  const logger = loggerOf(call);
  const hasher = new HashPool();
  // A thread takes as long to begin as the first bytes do to arrive.
  void hasher.merkleRoot(Buffer.alloc(32), 1).catch(() => {});
  const session = new Session({
    hasher,
    listen: address,
    logger,
    uploadLimit: upload,
    downloadLimit: download,
    ...(out === null ? { memoryBudget: STREAM_MEMORY } : {}),
    ...(advertised === undefined
      ? {}
      : { advertisedPort: splitHostPort(advertised, '--advertise').port }),
  });
  try {
    await begin(session, listen);
    const signal = limit === null ? call.signal : deadline(limit * 1000, call.signal);
    const run: PullCall = {
      api: call.origin(),
      output: call.output,
      app: prefetched.app,
      version: prefetched.version,
      prefetched,
      select: call.options.select ?? [],
      repairing: call.options.verify === true,
      seeding: call.options.seed === true,
      session,
      hasher,
      advertise: advertised,
      logger,
      signal,
      began: performance.now(),
      untilStopped: (name) => untilStopped(call, session, name),
    };
    await untilLate(call, run, limit, () =>
      out === null ? pullToStdout(run) : pullToFolder(run, out),
    );
  } finally {
    await session.close();
    await hasher.close();
  }
}

async function untilStopped(call: Call, session: Session, name: string): Promise<void> {
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
async function untilLate(
  call: Call,
  { session, signal }: PullCall,
  limit: number | null,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!signal.aborted || call.signal.aborted || limit === null) throw error;
    const received = receivedBytes(session);
    const cause = { cause: error };
    if (received === 0) {
      const text = `Nothing came from the origin or from peers within ${durationText(limit)}.`;
      throw new FleetseedError('NO_PEERS', text, {}, cause);
    }
    const kept = call.options.stdout === true ? '' : ' and are kept for the next try';
    const text = `Not complete after ${durationText(limit)}; ${bytesText(received)} came${kept}.`;
    throw new FleetseedError('STAGE_TIMED_OUT', text, {}, cause);
  }
}

function loggerOf({ output }: Call): Logger {
  if (!process.env['FLEETSEED_DEBUG']) return silentLogger;
  const write = (line: string) => output.note(line.trimEnd());
  return streamLogger({ level: 'debug', json: false, write });
}
