import { streamLogger, type Logger, type LogLevel } from './logger.js';

/** A hung end is cut here, so that the process is gone 10 s after it was asked to go. */
const END_WITHIN_MS = 9_000;

/** The log of a process that is a service: on stderr, for people on a terminal, else as JSON lines. */
export function serviceLogger(level: LogLevel): Logger {
  return streamLogger({
    level,
    json: !process.stderr.isTTY,
    write: (line) => process.stderr.write(line),
  });
}

/**
 * Whoever reads our output may go away, as a log collector that restarts does; a service works on.
 * Without a listener the error of the stream would end it.
 */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}

/** On SIGTERM or SIGINT closes the service and ends the process: with 0, or with 1 if closing failed. */
export function stopOnSignals(close: () => Promise<void>, logger: Logger): void {
  let stopping = false;
  const stop = (signal: string) => {
    if (stopping) return;
    stopping = true;
    logger.info('stopping', { signal });
    setTimeout(() => process.exit(1), END_WITHIN_MS).unref();
    close().then(
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
