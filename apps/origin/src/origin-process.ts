import { toFleetseedError } from '#lib/contracts';
import { outliveReaders, serviceLogger, stopOnSignals } from '#lib/runtime';

import type { OriginConfig } from './config/origin-config.schema.js';
import { startOrigin } from './origin.js';

/**
 * Runs an origin as this process: prints the ready line on stdout, logs to stderr, ends on SIGTERM
 * or SIGINT. A start that fails is told in one line and ends with the exit code of its error.
 */
export async function runUntilStopped(readConfig: () => OriginConfig): Promise<void> {
  outliveReaders();
  try {
    const config = readConfig();
    const logger = serviceLogger(config.logLevel);
    const origin = await startOrigin(config, { logger });
    stopOnSignals(() => origin.close(), logger);
    process.stdout.write(`${JSON.stringify(origin.ready)}\n`);
  } catch (thrown) {
    const error = toFleetseedError(thrown);
    const told = `fleetseed origin: ${error.code}: ${error.message}\n`;
    // What was opened before it failed must not keep the process.
    process.stderr.write(told, () => process.exit(error.exit));
  }
}
