import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { z } from 'zod';

import { LedgerRecord } from '#lib/contracts';
import { writeFileDurably } from '#lib/runtime';

const StageLedgerFile = z.looseObject({
  v: z.literal(1),
  session: z.string(),
  /** The last sequence that was given out. */
  sequence: z.number().int().nonnegative(),
  pending: z.array(LedgerRecord),
});
type StageLedgerFile = z.infer<typeof StageLedgerFile>;

/** Kept when the origin was away for long: the oldest records go first. */
const MAX_PENDING = 1000;

/**
 * The account of finished stages that the origin has not acknowledged yet. Records survive restarts
 * and are sent until acknowledged; the origin counts each (session, sequence) once.
 */
export class StageLedger {
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    private readonly file: string,
    private state: StageLedgerFile,
  ) {}

  static async open(file: string): Promise<StageLedger> {
    const kept = await readLedger(file);
    // An unreadable account begins a new session: sequences of the old one must not be used again.
    const session = randomBytes(12).toString('hex');
    return new StageLedger(file, kept ?? { v: 1, session, sequence: 0, pending: [] });
  }

  get pending(): readonly LedgerRecord[] {
    return this.state.pending;
  }

  /** A record that cannot be written is sent all the same. @throws what writing failed with */
  async add(record: Omit<LedgerRecord, 'session' | 'sequence'>): Promise<void> {
    const { session, sequence: last, pending } = this.state;
    const sequence = last + 1;
    const all = [...pending, { ...record, session, sequence }].slice(-MAX_PENDING);
    await this.#change({ ...this.state, sequence, pending: all });
  }

  /** Forgets what the origin has made durable. */
  async acknowledge(sequence: number): Promise<void> {
    const pending = this.state.pending.filter((record) => record.sequence > sequence);
    if (pending.length !== this.state.pending.length) {
      await this.#change({ ...this.state, pending });
    }
  }

  /** Takes effect at once, so that changes side by side build on each other; they are written in order. */
  async #change(next: StageLedgerFile): Promise<void> {
    this.state = next;
    const written = this.#writing.then(() =>
      writeFileDurably(this.file, JSON.stringify(this.state), 0o600),
    );
    this.#writing = written.catch(() => {});
    await written;
  }
}

async function readLedger(file: string): Promise<StageLedgerFile | null> {
  try {
    return StageLedgerFile.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return null;
  }
}
