import { Inject, Injectable } from '@nestjs/common';

import { FleetseedError } from '#lib/contracts';
import type { Clock } from '#lib/runtime';

import { CLOCK } from '../config/start-context.js';
import { FileTokens } from './file-tokens.js';
import { matchesHash, parseToken } from './token-codec.js';
import { TokenStore } from './token-store.js';

/** Tokens that let machines join the fleet, with a number of uses and an end. */
@Injectable()
export class JoinTokens {
  constructor(
    private readonly tokens: TokenStore,
    private readonly files: FileTokens,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Takes one use of a join token. Racing machines cannot use it more often than it allows.
   * @returns the token's id, `file` for the one of the file: who let the machine in.
   * @throws JOIN_REFUSED
   */
  async use(secret: string): Promise<string> {
    if (this.files.isJoin(secret)) return 'file';
    const parsed = parseToken(secret);
    if (parsed?.kind !== 'join') throw refused('It is not a join token of this fleet.');
    const document = await this.tokens.find(parsed.id);
    if (document?.kind !== 'join' || !matchesHash(secret, document.secretHash)) {
      throw refused('It is not a join token of this fleet.');
    }
    if (document.expiresAt !== null && document.expiresAt <= this.clock.now()) {
      throw refused('It has expired.');
    }
    if (document.usesLeft !== null) await this.#takeUse(parsed.id);
    return parsed.id;
  }

  async #takeUse(id: string): Promise<void> {
    const taken = await this.tokens.update(id, (current) => {
      const left = current?.usesLeft ?? 0;
      return current && left > 0 ? { ...current, usesLeft: left - 1 } : null;
    });
    if (!taken) throw refused('It was used as often as it may be.');
  }
}

function refused(reason: string): FleetseedError {
  return new FleetseedError('JOIN_REFUSED', `The join token is refused. ${reason}`);
}
