import { FleetseedError, systemErrorCode } from '#lib/contracts';
import { streamPayload } from '#lib/swarm';

import { bytesText, durationText } from '../output/quantities.js';
import { PullDisplay } from './pull.display.js';
import type { PullBytes, PullCall } from './pull.types.js';
import { tellLedger } from './report-stage.js';
import { fileToStream } from './select-files.js';
import { checkedMetainfo, enterSwarm } from './swarm-entry.js';

/**
 * Writes one file of a release to stdout, from its begin to its end, while it is downloaded. Nothing is
 * kept on disk. That the reader ends early is no error.
 */
export async function pullToStdout(call: PullCall): Promise<void> {
  const { prefetched, select, session, signal, output } = call;
  const artifact = await prefetched.artifact;
  const metainfo = checkedMetainfo(await prefetched.metainfoBytes, artifact);
  const file = fileToStream(metainfo, select);
  const { length } = metainfo.files[file]!;
  const display = new PullDisplay(output, session, length);
  const onProgress = (passed: number) => display.update(passed);
  try {
    const bytes =
      length === 0
        ? { fromOrigin: 0, fromPeers: 0, reused: 0, wasted: 0 }
        : bytesOf(
            await streamPayload({
              session,
              metainfo,
              file,
              access: await enterSwarm({ ...call, metainfo, ticket: await prefetched.ticket }),
              write: writeToStdout,
              onProgress,
              signal,
            }),
          );
    display.clear();
    const seconds = (performance.now() - call.began) / 1000;
    const { fromOrigin, fromPeers, reused } = bytes;
    const facts = { event: 'done', bytes: length, fromOrigin, fromPeers, reused, seconds };
    output.resultAside(facts, () => {
      const sources = `origin ${bytesText(fromOrigin)}, peers ${bytesText(fromPeers)}`;
      return `pulled ${bytesText(length)} to stdout in ${durationText(seconds)} (${sources})`;
    });
    await tellLedger(call, artifact, { delivered: length, bytes }, seconds);
  } catch (error) {
    if (!isReaderGone(error)) throw error;
  } finally {
    display.clear();
  }
}

/** The reader, not a peer or the origin, is the trouble. */
class StdoutError extends FleetseedError {
  constructor(
    readonly systemCode: string,
    cause: Error,
  ) {
    super('DISK_IO', `Stdout cannot be written to (${systemCode}).`, {}, { cause });
  }
}

/**
 * Resolves when the system took all of it: a slow reader is waited for, in a pipe without holding up
 * the rest of the process.
 */
function writeToStdout(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => {
      if (error) reject(new StdoutError(systemErrorCode(error) ?? error.message, error));
      else resolve();
    });
  });
}

/** The other end of a pipe was closed, or of a socket with bytes in it that nobody read. */
function isReaderGone(error: unknown): boolean {
  return error instanceof StdoutError && ['EPIPE', 'ECONNRESET'].includes(error.systemCode);
}

function bytesOf(came: Awaited<ReturnType<typeof streamPayload>>): PullBytes {
  const { hashFailure, duplicate, aborted } = came.wasted;
  return {
    fromOrigin: came.fromOrigin + came.fromWebSeed,
    fromPeers: came.fromPeers + came.fromStrangers,
    reused: 0,
    wasted: hashFailure + duplicate + aborted,
  };
}
