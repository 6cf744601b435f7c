import type { Logger } from '#lib/runtime';
import type { HashRange } from '#lib/wire';

import type { PeerConnection } from '../peer/peer-connection.js';
import type { HashResponder } from './hash-responder.js';

/** Hash requests that may wait per peer; more are rejected. */
const MOST_WAITING = 256;

/**
 * Answers hash requests one after the other for each peer, and not before the last answer was read: an answer
 * is up to 5,000 times as long as its request.
 */
export class HashDesk {
  readonly #waiting = new Map<PeerConnection, HashRange[]>();

  constructor(
    private readonly responder: HashResponder,
    private readonly logger: Logger,
  ) {}

  requested(connection: PeerConnection, range: HashRange): void {
    const waiting = this.#waiting.get(connection);
    if (waiting === undefined) {
      const requests = [range];
      this.#waiting.set(connection, requests);
      void this.#serve(connection, requests);
    } else if (waiting.length >= MOST_WAITING) {
      connection.send!.hashes(range, null);
    } else {
      waiting.push(range);
    }
  }

  async #serve(connection: PeerConnection, requests: HashRange[]): Promise<void> {
    for (;;) {
      const [range] = requests;
      if (range === undefined || connection.isClosed) break;
      const answer = await this.#answer(range);
      await new Promise<void>((sent) => connection.send!.hashes(range, answer, sent));
      requests.shift();
    }
    this.#waiting.delete(connection);
  }

  async #answer(range: HashRange): Promise<Buffer | null> {
    try {
      return await this.responder.answer(range);
    } catch (error) {
      this.logger.warn('hash request not answered', { error });
      return null;
    }
  }
}
