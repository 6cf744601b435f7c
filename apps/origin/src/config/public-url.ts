import { Inject, Injectable } from '@nestjs/common';
import type { Request } from 'express';

import { HostPort } from '#lib/contracts';

import { OriginAddresses } from './origin-addresses.js';
import type { OriginConfig } from './origin-config.schema.js';
import { ORIGIN_CONFIG } from './start-context.js';

const BARE_HOST = /^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)$/;

/** The base URL, without a slash at its end, that is written into what callers are given. */
@Injectable()
export class PublicUrl {
  constructor(
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
    private readonly addresses: OriginAddresses,
  ) {}

  /**
   * The configured URL, or the host that the caller itself asked for (or a trusted proxy says it asked
   * for): it has reached us there, and a forged Host header only spoils the answer of its forger.
   */
  of(request: Pick<Request, 'protocol' | 'host'>): string {
    if (this.config.publicUrl !== undefined) return this.config.publicUrl;
    const { protocol, host } = request;
    const usable = HostPort.safeParse(host).success || BARE_HOST.test(host ?? '');
    return usable ? `${protocol}://${host}` : this.base;
  }

  /** For where there is no request: the configured URL, or where the API listens. */
  get base(): string {
    return this.config.publicUrl ?? this.addresses.http;
  }
}
