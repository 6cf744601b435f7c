import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { FleetseedError } from '#lib/contracts';
import type { Depot } from '#lib/depot';
import { repeat, type Clock, type Logger } from '#lib/runtime';

import { isGone, ownProcessMark, type ProcessMark } from './process-mark.js';
import { ReplicaRecords, type ReplicaDocument } from './replica-records.js';
import { conflictOf, settingsConflictError, type SharedSettings } from './shared-settings.js';

export interface SettingsGuardOptions {
  readonly depot: Depot;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How often a replica shows that it is alive, ms. */
  readonly beatMs?: number;
  /** Who did not change for so long is gone, ms. */
  readonly silenceMs?: number;
  /** Where it runs; this process by default. */
  readonly process?: ProcessMark;
}

const BEAT_MS = 5000;
const SILENCE_MS = 20_000;
const LOOK_MS = 500;
/** Records of processes that nobody saw die are kept for a day. */
const FORGOTTEN_MS = 86_400_000;

/**
 * Sees to it that the replicas that run on one depot have the same settings. Each writes down its own,
 * and only then looks at those of the others: of two that differ, whoever comes second sees the first
 * and refuses to start. Who is gone does not count, so that an operator changes a setting by ending
 * all replicas and starting them with the new one. Who was cut off from the depot for so long that others
 * took its record away looks again when it is back, as they may have other settings.
 */
export class SettingsGuard {
  readonly #records: ReplicaRecords;
  readonly #replica = randomBytes(8).toString('hex');
  #beat = 0;
  #stopBeating: () => void = () => undefined;
  /** One write after the other. */
  #writing: Promise<unknown> = Promise.resolve();
  #looking: Promise<void> | null = null;
  readonly #closing = new AbortController();
  #conflict: FleetseedError | null = null;

  private constructor(
    private readonly options: SettingsGuardOptions,
    private readonly settings: SharedSettings,
    private readonly process: ProcessMark,
  ) {
    this.#records = new ReplicaRecords(options.depot);
  }

  /** @throws CONFIG_INVALID that names a setting which a running replica has otherwise */
  static async open(
    options: SettingsGuardOptions,
    settings: SharedSettings,
  ): Promise<SettingsGuard> {
    const mark = options.process ?? (await ownProcessMark());
    const guard = new SettingsGuard(options, settings, mark);
    const { clock, logger, beatMs = BEAT_MS } = options;
    const onError = (error: unknown) => logger.warn('replica not shown to others', { error });
    guard.#stopBeating = repeat(() => guard.#turn(), { clock, pauseMs: beatMs, onError });
    try {
      await guard.#declare();
    } catch (error) {
      await guard.close();
      throw error;
    }
    return guard;
  }

  /** With a replica that began while this one was taken for dead; null when all agree. */
  get conflict(): FleetseedError | null {
    return this.#conflict;
  }

  async #declare(): Promise<void> {
    await this.#show();
    await this.#compareAll();
  }

  async #turn(): Promise<void> {
    const wasThere = await this.#show();
    if (wasThere && !this.#conflict) return;
    // Others may have to be watched for a while; meanwhile they have to see beats of ours.
    this.#looking ??= this.#lookAgain().finally(() => (this.#looking = null));
  }

  async #lookAgain(): Promise<void> {
    const { logger } = this.options;
    try {
      await this.#compareAll();
      if (this.#conflict) logger.info('replicas have the same settings again');
      this.#conflict = null;
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      if (!(error instanceof FleetseedError) || error.code !== 'CONFIG_INVALID') {
        logger.warn('settings of other replicas not looked at', { error });
        return;
      }
      if (!this.#conflict) logger.error('a replica with other settings runs', { error });
      this.#conflict = error;
    }
  }

  async #compareAll(): Promise<void> {
    const others = (await this.#records.all()).filter(({ replica }) => replica !== this.#replica);
    await Promise.all(others.map((other) => this.#compare(other)));
  }

  /** Takes the record away: who starts next need not wonder whether this replica is alive. */
  async close(): Promise<void> {
    this.#stopBeating();
    this.#closing.abort();
    await this.#looking;
    await this.#writing.catch(() => undefined);
    try {
      await this.#records.remove(this.#replica);
    } catch (error) {
      this.options.logger.warn('record of the replica not removed', { error });
    }
  }

  /** @returns whether the last record was still there, or this is the first */
  #show(): Promise<boolean> {
    const document = {
      v: 1 as const,
      replica: this.#replica,
      process: this.process,
      settings: this.settings,
      beat: ++this.#beat,
      beatAt: this.options.clock.now(),
    };
    const { beat } = document;
    const written = this.#writing
      .catch(() => undefined)
      .then(async () => (await this.#records.write(document)) || beat === 1);
    this.#writing = written;
    return written;
  }

  async #compare(other: ReplicaDocument): Promise<void> {
    const conflict = conflictOf(this.settings, other.settings);
    const isOld = this.options.clock.now() - other.beatAt > FORGOTTEN_MS;
    const gone = (await isGone(other.process)) ?? (isOld ? true : null);
    if (gone === true) return this.#records.remove(other.replica);
    if (!conflict) return;
    const where = `${other.process.hostname}, process ${other.process.pid}`;
    if (gone === false || (await this.#isAlive(other, where))) {
      throw settingsConflictError(conflict, where);
    }
    await this.#records.remove(other.replica);
  }

  /** Watches until it changes, or has not for too long. */
  async #isAlive({ replica, beat }: ReplicaDocument, where: string): Promise<boolean> {
    const { silenceMs = SILENCE_MS, logger } = this.options;
    logger.warn('waiting whether a replica with other settings is alive', { replica, where });
    const end = performance.now() + silenceMs;
    while (performance.now() < end) {
      // Whoever ends does not wait for the end of it.
      await sleep(Math.min(LOOK_MS, silenceMs / 4), undefined, { signal: this.#closing.signal });
      const now = await this.#records.read(replica);
      if (!now) return false;
      if (now.beat !== beat) return true;
    }
    return false;
  }
}
