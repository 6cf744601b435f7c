import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

import { FleetseedError } from '#lib/contracts';

/** Held for the life of the process; the kernel lets go of it however the process ends. */
export interface DataFolderLock {
  release(): Promise<void>;
}

/**
 * One agent a data folder. The lock is a name in Linux's abstract socket space, made of the folder's
 * device and inode: unlike a lock file it cannot be left behind by a crash or a copied folder. Each
 * network namespace has names of its own; across namespaces the origin's refusal of a second session
 * with one identity is what keeps two agents apart.
 * @throws DATA_FOLDER_IN_USE
 */
export async function lockDataFolder(
  folder: string,
  { dev, ino }: { dev: bigint | number; ino: bigint | number },
): Promise<DataFolderLock> {
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen(`\0fleetseed-agent-${dev}-${ino}`);
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new FleetseedError(
      'DATA_FOLDER_IN_USE',
      `Another agent runs on the data folder ${folder}; give each its own --data.`,
      { folder },
    );
  }
  // Nobody has to say anything to a lock: what fails with those who knock is no failure of ours.
  server.on('error', () => {});
  server.unref();
  return { release: () => closed(server) };
}

async function closed(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}
