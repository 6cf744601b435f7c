import { mkdir, stat } from 'node:fs/promises';
import { constants, hostname as systemHostname, setPriority } from 'node:os';

import { toFleetseedError } from '#lib/contracts';
import {
  outliveReaders,
  productVersion,
  serviceLogger,
  stopOnSignals,
  type Logger,
} from '#lib/runtime';

import { AgentFolders } from './agent-folders.js';
import type { Agent } from './agent.js';
import { composeAgent } from './compose-agent.js';
import type { AgentConfig } from './config/agent-config.js';
import { diskAccessError } from './config/disk-access-error.js';
import { lockDataFolder } from './identity/data-folder.lock.js';
import { loadIdentity } from './identity/identity.js';
import { readMachineId } from './identity/machine-id.js';

/**
 * Runs an agent as this process: JSON lines of what happens on stdout, log on stderr, ends on SIGTERM
 * or SIGINT. What no waiting can mend is told in one line and ends it with the exit code of its error.
 */
export async function runAgentProcess(readConfig: () => AgentConfig): Promise<void> {
  outliveReaders();
  let logger: Logger | null = null;
  try {
    const config = readConfig();
    logger = serviceLogger(config.logLevel);
    bePolite(logger);
    const agent = await prepare(config, logger);
    stopOnSignals(() => agent.close(), logger);
    await agent.run();
  } catch (thrown) {
    const error = toFleetseedError(thrown);
    logger?.debug('agent failed', { error, cause: error.cause });
    process.stderr.write(`fleetseed agent: ${error.code}: ${error.message}\n`);
    // Sockets and threads of what was started must not keep the failed process.
    process.exit(error.exit);
  }
}

async function prepare(config: AgentConfig, logger: Logger): Promise<Agent> {
  const folders = new AgentFolders(config.data);
  await mkdir(folders.data, { recursive: true }).catch((error: unknown) => {
    throw diskAccessError(folders.data, error);
  });
  await lockDataFolder(folders.data, await stat(folders.data, { bigint: true }));
  await folders.make(config.apps);
  return composeAgent({
    config,
    folders,
    identity: await loadIdentity(folders.identityFile, await readMachineId()),
    hostname: config.hostname ?? systemHostname(),
    version: productVersion(),
    logger,
    tell: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
  });
}

/** An agent is a guest on its machine: what people run there goes first. */
function bePolite(logger: Logger): void {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch (error) {
    logger.debug('priority not lowered', { error });
  }
}
