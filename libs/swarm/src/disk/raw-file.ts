import { close, constants, fstat, lstat, open, read, write, type BigIntStats } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

import { FleetseedError } from '#lib/contracts';

import { diskError } from './disk-errors.js';

/*
 * Plain descriptors instead of FileHandle: a tree of 20,000 small files opens each of them, and the
 * handle object with its own promises costs as much time as the file itself.
 */
const openFd = promisify(open);
const closeFd = promisify(close);

/**
 * Neither is a symlink followed nor can a FIFO block. A symlink fails with ELOOP; what else is not a
 * regular file has to be found out by {@link statFd}.
 */
const SAFELY = constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/** While the process or the system has no descriptor to spare, opening is tried again after these, ms. */
const PAUSES_MS = [10, 50, 200, 500, 1000];

export function openForReading(path: string): Promise<number> {
  return openPatiently(path, constants.O_RDONLY | SAFELY);
}

/** Creates the file if need be, readable by everybody as far as the umask lets it. */
export function openForWriting(path: string): Promise<number> {
  return openPatiently(path, constants.O_RDWR | constants.O_CREAT | SAFELY);
}

async function openPatiently(path: string, flags: number): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await openFd(path, flags, 0o644);
    } catch (thrown) {
      const error = diskError(thrown, path);
      const pauseMs = PAUSES_MS[attempt];
      if (error.code !== 'TOO_MANY_OPEN_FILES' || pauseMs === undefined) throw error;
      await pause(pauseMs);
    }
  }
}

export async function closeQuietly(fd: number): Promise<void> {
  // Data is in the page cache and durability is fsync's: a failing close has nothing to tell.
  await closeFd(fd).catch(() => {});
}

/** @throws FleetseedError PIECE_UNAVAILABLE when the file ends before `target` is full. */
export function readFully(
  fd: number,
  target: Uint8Array,
  position: number,
  path: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let done = 0;
    const step = () => {
      read(fd, target, done, target.length - done, position + done, (error, count) => {
        if (error) return reject(diskError(error, path));
        if (count === 0) return reject(cutOff(path, position + target.length));
        done += count;
        if (done === target.length) resolve();
        else step();
      });
    };
    step();
  });
}

/** A short write is followed by another, which then tells why. */
export function writeFully(
  fd: number,
  source: Uint8Array,
  position: number,
  path: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let done = 0;
    const step = () => {
      write(fd, source, done, source.length - done, position + done, (error, count) => {
        if (error) return reject(diskError(error, path));
        done += count;
        if (done === source.length) resolve();
        else step();
      });
    };
    step();
  });
}

export function statFd(fd: number, path: string): Promise<BigIntStats> {
  return new Promise((resolve, reject) => {
    fstat(fd, { bigint: true }, (error, stat) => {
      if (error) reject(diskError(error, path));
      else resolve(stat);
    });
  });
}

/** Null when nothing is there. */
export function lstatPath(path: string): Promise<BigIntStats | null> {
  return new Promise((resolve, reject) => {
    lstat(path, { bigint: true }, (error, stat) => {
      if (!error) resolve(stat);
      else if (error.code === 'ENOENT' || error.code === 'ENOTDIR') resolve(null);
      else reject(diskError(error, path));
    });
  });
}

function cutOff(path: string, end: number): FleetseedError {
  const text = `The file ${path} ends before byte ${end}.`;
  return new FleetseedError('PIECE_UNAVAILABLE', text, { path, end });
}
