import { Inject, Injectable } from '@nestjs/common';

import {
  FleetseedError,
  type CreatedToken,
  type CreateJoinToken,
  type CreateToken,
  type Page,
  type PageQuery,
  type TokenDocument,
  type TokenSummary,
} from '#lib/contracts';
import type { Clock } from '#lib/runtime';

import { CLOCK } from '../config/start-context.js';
import { makeToken, secretHash, type TokenKind } from './token-codec.js';
import { TokenStore } from './token-store.js';

/** Making, listing and revoking tokens. */
@Injectable()
export class TokenRegistry {
  constructor(
    private readonly tokens: TokenStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  create(request: CreateToken): Promise<CreatedToken> {
    return this.#make('api', { ...request, usesLeft: null });
  }

  createJoin(request: CreateJoinToken): Promise<CreatedToken> {
    return this.#make('join', { ...request, scopes: [], usesLeft: request.uses ?? null });
  }

  async list({ after, limit }: PageQuery): Promise<Page<TokenSummary>> {
    const { ids, more } = await this.tokens.page(after, limit);
    const documents = await Promise.all(ids.map((id) => this.tokens.find(id)));
    const items = documents.flatMap((document) => (document ? [summaryOf(document)] : []));
    return { items, next: more ? (ids.at(-1) ?? null) : null };
  }

  /** @throws TOKEN_NOT_FOUND */
  async revoke(id: string): Promise<void> {
    if (!(await this.tokens.find(id))) {
      throw new FleetseedError('TOKEN_NOT_FOUND', `There is no token ${id}.`, { token: id });
    }
    await this.tokens.delete(id);
  }

  async #make(
    kind: TokenKind,
    wanted: Pick<TokenDocument, 'name' | 'usesLeft'> & {
      readonly scopes: string[];
      readonly expiresInSeconds?: number | undefined;
    },
  ): Promise<CreatedToken> {
    const { id, text } = makeToken(kind);
    const now = this.clock.now();
    const seconds = wanted.expiresInSeconds;
    const document: TokenDocument = {
      v: 1,
      token: id,
      kind,
      name: wanted.name,
      secretHash: secretHash(text),
      scopes: wanted.scopes,
      artifact: null,
      parent: null,
      createdAt: now,
      expiresAt: seconds === undefined ? null : now + seconds * 1000,
      usesLeft: wanted.usesLeft,
    };
    await this.tokens.create(document);
    return { ...summaryOf(document), secret: text };
  }
}

function summaryOf(document: TokenDocument): TokenSummary {
  const { token, kind, name, scopes, createdAt, expiresAt, usesLeft } = document;
  return { token, kind, name, scopes, createdAt, expiresAt, usesLeft };
}
