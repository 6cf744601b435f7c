import { statfs } from 'node:fs/promises';

import { depotFull, io } from './fs-errors.js';

/** Room that a running write has been promised. */
export interface SpaceClaim {
  /** Tells that `bytes` of the promise are on the disk now. */
  written(bytes: number): void;
  release(): void;
}

/**
 * Keeps a reserve of the disk for documents: objects are refused before they use it, so that what is
 * known can still be written down when uploads have filled the disk.
 */
export class SpaceGuard {
  #claimed = 0;

  constructor(
    private readonly folder: string,
    private readonly reserveBytes: number | null,
  ) {}

  /** @throws DEPOT_FULL if `bytes` would reach into the reserve, counting what others were promised. */
  async claim(bytes: number, key: string): Promise<SpaceClaim> {
    this.#claimed += bytes;
    let left = bytes;
    const settle = (part: number) => {
      const settled = Math.min(part, left);
      left -= settled;
      this.#claimed -= settled;
    };
    try {
      const { bavail, blocks, bsize } = await io(key, statfs(this.folder));
      const free = bavail * bsize;
      const reserve = this.reserveBytes ?? usualReserve(blocks * bsize);
      if (free < this.#claimed + reserve) throw depotFull(key, { free, reserve, wanted: bytes });
    } catch (error) {
      settle(left);
      throw error;
    }
    return { written: settle, release: () => settle(left) };
  }
}

/** 64 MiB, on a small disk a fiftieth of it. */
function usualReserve(diskBytes: number): number {
  return Math.min(64 * 1024 * 1024, Math.floor(diskBytes / 50));
}
