import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { FleetseedError } from '#lib/contracts';

import { isSystemError } from './fs-errors.js';

/** The path of a Unix socket has room for 108 bytes (104 on macOS). */
const SOCKET_PATH_LIMIT = 100;
const PROBE_TIMEOUT_MS = 3000;
const CONTEND_MS = 10_000;
const CONTEND_STEP_MS = 20;
const UNFINISHED_NAME = '.new';
const UNFINISHED_IS_STALE_MS = 3_600_000;

type Found = 'held' | 'waiting' | 'gone';

/**
 * Sees to it that one process of this machine has a folder, whatever killed the one before.
 *
 * Each contender listens on a Unix socket of its own name, which nobody uses again, and then asks
 * every other socket. Since all show themselves before they look, of two at least one sees the
 * other. The kernel stops answering for a process that is gone, so a dead socket is recognised
 * with certainty and removed. Works across containers that share the volume, not across machines.
 */
export class FolderLock {
  readonly #name = `${process.pid}-${randomBytes(8).toString('hex')}`;
  #state: 'held' | 'waiting' = 'waiting';
  #server: Server | undefined;

  private constructor(
    private readonly folder: string,
    private readonly handle: FileHandle,
    private readonly base: string,
  ) {}

  /** @throws DEPOT_LOCKED naming the process that has it. */
  static async acquire(folder: string): Promise<FolderLock> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const handle = await open(folder, 'r');
    const long = Buffer.byteLength(folder) + 60 > SOCKET_PATH_LIMIT;
    const lock = new FolderLock(folder, handle, long ? `/proc/self/fd/${handle.fd}` : folder);
    try {
      await lock.#show();
      await lock.#contend();
      return lock;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  async release(): Promise<void> {
    await rm(join(this.folder, this.#name), { force: true });
    const server = this.#server;
    this.#server = undefined;
    if (server) await new Promise<void>((resolve) => server.close(() => resolve()));
    await this.handle.close();
  }

  /** Takes its final name only when it answers: a name that does not answer counts as dead. */
  async #show(): Promise<void> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end(this.#state);
    });
    const unfinished = `${this.#name}${UNFINISHED_NAME}`;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(join(this.base, unfinished), resolve);
    });
    server.unref();
    this.#server = server;
    await rename(join(this.folder, unfinished), join(this.folder, this.#name));
  }

  async #contend(): Promise<void> {
    const deadline = performance.now() + CONTEND_MS;
    for (;;) {
      const others = await this.#others();
      const held = others.find((other) => other.found === 'held');
      // Of those who wait, the one whose name comes first goes on, once the others have given up.
      const ahead = others.find((other) => rankOf(other.name) < rankOf(this.#name));
      const inTheWay = held ?? ahead ?? (performance.now() > deadline ? others[0] : undefined);
      if (inTheWay) throw lockedBy(this.folder, inTheWay.name);
      if (others.length === 0) break;
      await sleep(CONTEND_STEP_MS);
    }
    this.#state = 'held';
  }

  async #others(): Promise<{ name: string; found: Found }[]> {
    const names = (await readdir(this.folder)).filter((name) => name !== this.#name);
    const found = await Promise.all(
      names.map(async (name) => ({ name, found: await this.#lookAt(name) })),
    );
    return found.filter((other) => other.found !== 'gone');
  }

  async #lookAt(name: string): Promise<Found> {
    const path = join(this.folder, name);
    if (name.endsWith(UNFINISHED_NAME)) {
      const age = await stat(path).then(
        ({ mtimeMs }) => Date.now() - mtimeMs,
        () => 0,
      );
      if (age > UNFINISHED_IS_STALE_MS) await rm(path, { force: true });
      return 'gone';
    }
    const found = await probe(join(this.base, name));
    if (found === 'gone') await rm(path, { force: true });
    return found;
  }
}

function probe(path: string): Promise<Found> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let answer = '';
    const settle = (found: Found) => {
      socket.destroy();
      resolve(found);
    };
    // A process that is stopped, or busy, has its connections accepted by the kernel: it is there.
    socket.setTimeout(PROBE_TIMEOUT_MS, () => settle('held'));
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
    });
    // Cut off before it answered: it is giving up, and the next look finds it gone.
    socket.on('end', () => settle(answer === 'held' ? 'held' : 'waiting'));
    socket.on('error', (error) => {
      if (isSystemError(error, 'ECONNREFUSED', 'ENOENT')) settle('gone');
      else settle(isSystemError(error, 'ECONNRESET', 'EPIPE') ? 'waiting' : 'held');
    });
  });
}

function rankOf(name: string): string {
  return name.slice(name.indexOf('-') + 1);
}

function lockedBy(folder: string, name: string): FleetseedError {
  const pid = Number.parseInt(name, 10);
  return new FleetseedError('DEPOT_LOCKED', `The depot is in use by process ${pid}.`, {
    pid,
    folder,
  });
}
