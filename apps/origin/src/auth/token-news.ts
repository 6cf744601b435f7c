import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { z } from 'zod';

import { ReplicaPost } from '../replicas/replica-post.js';
import { replicaTopic } from '../replicas/replica-topic.js';
import { TokenStore } from './token-store.js';

const TokenChanged = replicaTopic('token-changed', z.object({ token: z.string().max(64) }));

/** A token that is revoked at one replica ends at the others too, before their caches do. */
@Injectable()
export class TokenNews implements OnModuleInit, OnModuleDestroy {
  #ends: (() => void)[] = [];

  constructor(
    private readonly tokens: TokenStore,
    private readonly post: ReplicaPost,
  ) {}

  onModuleInit(): void {
    this.#ends = [
      this.tokens.onChange((token) => this.post.tell(TokenChanged, { token })),
      this.post.hear(TokenChanged, ({ token }) => this.tokens.forget(token)),
    ];
  }

  onModuleDestroy(): void {
    for (const end of this.#ends.splice(0)) end();
  }
}
