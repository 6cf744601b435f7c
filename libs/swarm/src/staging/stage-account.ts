import { readFile, rename, rm, writeFile } from 'node:fs/promises';

import { z } from 'zod';

import type { Clock } from '#lib/runtime';

const Bytes = z.number().int().nonnegative();

/** Where the payload of one stage came from, bytes. */
export const StageBytes = z.object({
  fromOrigin: Bytes,
  fromPeers: Bytes,
  /** Found on this machine. */
  reused: Bytes,
  /** Received in vain. */
  wasted: Bytes,
});
export type StageBytes = z.infer<typeof StageBytes>;

export const NO_BYTES: StageBytes = { fromOrigin: 0, fromPeers: 0, reused: 0, wasted: 0 };

export function sumOf(left: StageBytes, right: StageBytes): StageBytes {
  return {
    fromOrigin: left.fromOrigin + right.fromOrigin,
    fromPeers: left.fromPeers + right.fromPeers,
    reused: left.reused + right.reused,
    wasted: left.wasted + right.wasted,
  };
}

/** What the origin sent is cut last: it is what people look at. */
export function cutTo(account: StageBytes, bytes: number): StageBytes {
  const { fromOrigin, fromPeers, reused } = account;
  let excess = Math.max(0, fromOrigin + fromPeers + reused - bytes);
  const cut = (amount: number) => {
    const kept = Math.max(0, amount - excess);
    excess -= amount - kept;
    return kept;
  };
  const kept = { reused: cut(reused), fromPeers: cut(fromPeers), fromOrigin: cut(fromOrigin) };
  // To find bytes on this machine costs nobody anything: only what travelled can be wasted.
  const lost = fromOrigin - kept.fromOrigin + (fromPeers - kept.fromPeers);
  return { ...kept, wasted: account.wasted + lost };
}

/** How often the account is written at most, milliseconds. */
const PACE_MS = 500;

/**
 * The account of a stage over all its tries: a process that was killed has received bytes, too. Like
 * the resume file it is replaced by rename and not synced; what the last moments before a crash brought
 * is missing in it and shows as residual.
 */
export class StageAccount {
  #cancelTimer: (() => void) | null = null;
  #current: () => StageBytes = () => NO_BYTES;
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    private readonly path: string,
    private readonly clock: Clock,
    /** What earlier tries received. */
    private earlier: StageBytes,
  ) {}

  static async open(path: string, clock: Clock): Promise<StageAccount> {
    const text = await readFile(path, 'utf8').catch(() => 'null');
    let earlier = NO_BYTES;
    try {
      earlier = StageBytes.parse(JSON.parse(text));
    } catch {
      // The account of an earlier try is lost: its bytes show as residual.
    }
    return new StageAccount(path, clock, earlier);
  }

  get total(): StageBytes {
    return sumOf(this.earlier, this.#current());
  }

  /** Of what earlier tries brought only so many bytes are still there: the rest came in vain. */
  keepOnly(bytes: number): void {
    this.earlier = cutTo(this.earlier, bytes);
  }

  /** @param current what this try has received, asked for when the account is written */
  follow(current: () => StageBytes): void {
    this.#current = current;
  }

  changed(): void {
    this.#cancelTimer ??= this.clock.setTimer(PACE_MS, () => {
      this.#cancelTimer = null;
      this.#writing = this.#writing.then(() => this.#write());
    });
  }

  async close(): Promise<void> {
    this.#cancelTimer?.();
    this.#writing = this.#writing.then(() => this.#write());
    await this.#writing;
  }

  async remove(): Promise<void> {
    this.#cancelTimer?.();
    await this.#writing;
    await rm(this.path, { force: true });
  }

  async #write(): Promise<void> {
    try {
      await writeFile(`${this.path}.tmp`, JSON.stringify(this.total));
      await rename(`${this.path}.tmp`, this.path);
    } catch {
      // A full disk must not end the download over its account.
    }
  }
}
