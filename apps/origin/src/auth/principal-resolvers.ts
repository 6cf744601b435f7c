import { Injectable } from '@nestjs/common';

import { FleetseedError } from '#lib/contracts';

import type { Principal } from './principal.js';

/**
 * Turns one kind of bearer token into a caller. `resolve` throws TOKEN_INVALID, TOKEN_EXPIRED or
 * another refusal; it is only asked about tokens that begin with `prefix`.
 */
export interface PrincipalResolver {
  readonly prefix: string;
  resolve(token: string): Promise<Principal>;
}

/** The kinds of tokens, by what they begin with; features add theirs in `onModuleInit`. */
@Injectable()
export class PrincipalResolvers {
  readonly #resolvers: PrincipalResolver[] = [];

  add(resolver: PrincipalResolver): void {
    this.#resolvers.push(resolver);
    // The longest prefix is asked first: '' is the admin token, whose form is its owner's choice.
    this.#resolvers.sort((a, b) => b.prefix.length - a.prefix.length);
  }

  /** @throws TOKEN_INVALID, TOKEN_EXPIRED */
  async resolve(token: string): Promise<Principal> {
    const resolver = this.#resolvers.find(({ prefix }) => token.startsWith(prefix));
    if (!resolver) throw invalidToken();
    return resolver.resolve(token);
  }
}

export function invalidToken(): FleetseedError {
  return new FleetseedError('TOKEN_INVALID', 'The token is not one of this service.');
}
