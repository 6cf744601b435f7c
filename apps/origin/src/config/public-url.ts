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

  /**
   * `udp://HOST:PORT` of the UDP tracker, null when there is none. Its host is that of the configured
   * URL; without one the address it listens on, or where it takes all, the host the caller asked for.
   */
  udpTrackerOf(request: Pick<Request, 'protocol' | 'host'>): string | null {
    const udpTracker = this.addresses.udpTracker ?? this.#udpTrackerElsewhere;
    if (udpTracker === null) return null;
    const { hostname, port } = new URL(udpTracker);
    const anywhere = hostname === '0.0.0.0' || hostname === '[::]';
    if (this.config.publicUrl === undefined && !anywhere) return udpTracker;
    return `udp://${new URL(this.of(request)).hostname}:${port}`;
  }

  /** Where replicas that are trackers listen, as far as it can be known here. */
  get #udpTrackerElsewhere(): string | null {
    const { udpTracker, roles } = this.config;
    const isKnown = udpTracker?.endsWith(':0') === false && !roles.includes('tracker');
    return isKnown ? `udp://${udpTracker}` : null;
  }

  /** For where there is no request: the configured URL, or where the API listens. */
  get base(): string {
    return this.config.publicUrl ?? this.addresses.http;
  }
}
