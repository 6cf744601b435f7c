import { toFleetseedError } from '#lib/contracts';
import { streamLogger, type Logger } from '#lib/runtime';

import type { OriginConfig } from './config/origin-config.schema.js';
import { startOrigin, type RunningOrigin } from './origin.js';

/** A hung end is cut here, so that the process is gone 10 s after it was asked to go. */
const END_WITHIN_MS = 9000;

/**
 * Runs an origin as this process: prints the ready line on stdout, logs to stderr, ends on SIGTERM
 * or SIGINT. A start that fails is told in one line and ends with the exit code of its error.
 */
export async function runUntilStopped(readConfig: () => OriginConfig): Promise<void> {
  try {
    const config = readConfig();
    const logger = loggerOf(config);
    const origin = await startOrigin(config, { logger });
    stopOnSignals(origin, logger);
    process.stdout.write(`${JSON.stringify(origin.ready)}\n`);
  } catch (thrown) {
    const error = toFleetseedError(thrown);
    process.stderr.write(`fleetseed origin: ${error.code}: ${error.message}\n`);
    process.exitCode = error.exit;
  }
}

function loggerOf(config: OriginConfig): Logger {
  return streamLogger({
    level: config.logLevel,
    json: !process.stderr.isTTY,
    write: (line) => process.stderr.write(line),
  });
}

function stopOnSignals(origin: RunningOrigin, logger: Logger): void {
  let stopping = false;
  const stop = (signal: string) => {
    if (stopping) return;
    stopping = true;
    logger.info('stopping', { signal });
    setTimeout(() => process.exit(1), END_WITHIN_MS).unref();
    origin.close().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error('stopping failed', { error });
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}
