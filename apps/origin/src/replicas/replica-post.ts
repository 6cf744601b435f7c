import { z } from 'zod';

import type { Logger } from '#lib/runtime';

import { PostCounters } from './post.counters.js';
import { MAX_BUS_TEXT, type ReplicaBus } from './replica-bus.js';
import type { ReplicaTopic } from './replica-topic.js';

const Envelope = z.tuple([z.string().max(64), z.unknown()]);

type Reader = (body: unknown, from: string) => void;

/**
 * Typed messages over the bus. A message of a topic that nobody here listens to is dropped (another
 * build may have more of them), as is one of the wrong form, which is told in the log.
 */
export class ReplicaPost {
  readonly counters = new PostCounters();
  readonly #readers = new Map<string, Set<Reader>>();

  constructor(
    private readonly bus: ReplicaBus,
    private readonly logger: Logger,
  ) {
    bus.subscribe((text, from) => this.#heard(text, from));
  }

  get self(): string {
    return this.bus.self;
  }

  /** Whether others can be reached now: see {@link ReplicaBus}. */
  get isUp(): boolean {
    return this.bus.isUp;
  }

  /** See {@link ReplicaBus}. */
  get isLonely(): boolean {
    return this.bus.isLonely;
  }

  /** @returns what ends it */
  onChange(listener: (isUp: boolean) => void): () => void {
    return this.bus.onChange(listener);
  }

  /**
   * Tells all others, or one of them. Nobody is told of a message that is too long: whoever makes
   * long ones divides them.
   * @returns whether it was short enough
   */
  tell<T>(topic: ReplicaTopic<T>, message: T, to?: string): boolean {
    const text = JSON.stringify([topic.name, message]);
    const { messages } = this.counters;
    if (text.length > MAX_BUS_TEXT) {
      messages.dropped++;
      this.logger.warn('message too long for the other replicas', { topic: topic.name });
      return false;
    }
    messages[this.bus.isUp ? 'sent' : 'dropped']++;
    this.bus.publish(text, to);
    return true;
  }

  /** Calls back with every message of the topic, one after the other. @returns what ends it */
  hear<T>(topic: ReplicaTopic<T>, listener: (message: T, from: string) => void): () => void {
    const reader: Reader = (body, from) => {
      const message = topic.schema.safeParse(body);
      if (message.success) return listener(message.data, from);
      this.counters.messages.refused++;
      this.logger.warn('message of another replica not understood', { topic: topic.name, from });
    };
    const readers = this.#readers.get(topic.name) ?? new Set();
    this.#readers.set(topic.name, readers.add(reader));
    return () => readers.delete(reader);
  }

  #heard(text: string, from: string): void {
    const { messages } = this.counters;
    messages.received++;
    const envelope = Envelope.safeParse(parse(text));
    if (!envelope.success) {
      messages.refused++;
      this.logger.warn('message of another replica not understood', { from });
      return;
    }
    const [topic, body] = envelope.data;
    const readers = this.#readers.get(topic);
    if (!readers?.size) messages.unknown++;
    for (const reader of readers ?? []) {
      try {
        reader(body, from);
      } catch (error) {
        messages.failed++;
        this.logger.error('message of another replica not dealt with', { topic, error });
      }
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
