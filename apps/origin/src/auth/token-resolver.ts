import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';

import { FleetseedError, type TokenDocument } from '#lib/contracts';
import type { Clock } from '#lib/runtime';

import { CLOCK } from '../config/start-context.js';
import { FileTokens } from './file-tokens.js';
import { invalidToken, PrincipalResolvers } from './principal-resolvers.js';
import type { Principal } from './principal.js';
import { matchesHash, parseToken, TOKEN_PREFIX } from './token-codec.js';
import { TokenStore } from './token-store.js';

/** Callers with API tokens: those of the depot, and the admin token of the file. */
@Injectable()
export class TokenResolver implements OnModuleInit {
  constructor(
    private readonly resolvers: PrincipalResolvers,
    private readonly tokens: TokenStore,
    private readonly files: FileTokens,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.resolvers.add({ prefix: TOKEN_PREFIX.api, resolve: (token) => this.resolve(token) });
    this.resolvers.add({ prefix: '', resolve: async (token) => this.#admin(token) });
  }

  /** @throws TOKEN_INVALID, TOKEN_EXPIRED */
  async resolve(token: string): Promise<Principal> {
    // The admin token of the file may have the form of a token of the depot.
    if (this.files.isAdmin(token)) return ADMIN;
    const parsed = parseToken(token);
    const document = parsed && (await this.tokens.find(parsed.id));
    if (!document || document.kind !== 'api' || !matchesHash(token, document.secretHash)) {
      throw invalidToken();
    }
    this.#checkExpiry(document);
    return principalOf(document);
  }

  #admin(token: string): Principal {
    if (!this.files.isAdmin(token)) throw invalidToken();
    return ADMIN;
  }

  #checkExpiry(document: TokenDocument): void {
    if (document.expiresAt === null || document.expiresAt > this.clock.now()) return;
    throw new FleetseedError('TOKEN_EXPIRED', `The token "${document.name}" has expired.`, {
      expiredAt: document.expiresAt,
    });
  }
}

const ADMIN: Principal = {
  kind: 'token',
  id: 'admin',
  name: 'admin',
  scopes: ['admin'],
  expiresAt: null,
};

function principalOf(document: TokenDocument): Principal {
  const { token, name, scopes, expiresAt } = document;
  return { kind: 'token', id: token, name, scopes, expiresAt };
}
