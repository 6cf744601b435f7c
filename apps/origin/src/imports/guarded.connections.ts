import { lookup, type LookupAddress } from 'node:dns';
import type { ClientRequest, RequestOptions } from 'node:http';
import type { LookupFunction } from 'node:net';

import { HttpConnections } from '#lib/contracts';
import type { Logger } from '#lib/runtime';

import type { AddressPolicy } from './address.policy.js';
import { hostRefused, literalOf } from './source.address.js';

/** Gives all addresses of a host. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

/**
 * Connections to hosts that the policy allows. A name is looked up once for a connection, and that
 * goes to an address which was checked: a name that means something else a moment later gains nothing.
 */
export class GuardedConnections extends HttpConnections {
  constructor(
    private readonly policy: AddressPolicy,
    private readonly logger: Logger,
    private readonly resolve: Resolve = systemResolve,
  ) {
    super();
  }

  /** @throws SOURCE_REFUSED, at once or as the request's error */
  override request(url: URL, options: RequestOptions): ClientRequest {
    const literal = literalOf(url.hostname);
    if (literal !== null && !this.policy.allows(literal, literal)) throw hostRefused(url.hostname);
    return super.request(url, { ...options, lookup: this.#lookup });
  }

  readonly #lookup: LookupFunction = (host, options, callback) => {
    this.#checked(host).then(
      (addresses) => {
        if (options.all) callback(null, [...addresses]);
        else callback(null, addresses[0]!.address, addresses[0]!.family);
      },
      (error: unknown) => callback(error as NodeJS.ErrnoException, '', 0),
    );
  };

  /** One bad address among good ones is no accident worth working around. */
  async #checked(host: string): Promise<readonly LookupAddress[]> {
    const addresses = await this.resolve(host);
    const bad = addresses.find(({ address }) => !this.policy.allows(host, address));
    if (!bad && addresses.length > 0) return addresses;
    this.logger.warn('import refused for its address', { host, address: bad?.address ?? null });
    throw hostRefused(host);
  }
}

const systemResolve: Resolve = (host) =>
  new Promise((resolve, reject) => {
    lookup(host, { all: true }, (error, found) => (error ? reject(error) : resolve(found)));
  });
