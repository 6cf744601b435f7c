import { lookup } from 'node:dns/promises';

import { FleetseedError } from '#lib/contracts';
import { parseIpPort, type HostPort } from '#lib/wire';

const LOOKUP_MS = 5000;

/** Turns a host name into one address. */
export type Resolve = (host: string) => Promise<string>;

const resolveByDns: Resolve = async (host) => {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error('too slow')), LOOKUP_MS).unref();
  });
  return (await Promise.race([lookup(host), late])).address;
};

/**
 * Where an agent's peer port is reached. The unspecified address stands for "where my connections
 * come from": an agent that listens on all its addresses does not know which one is seen from here.
 *
 * @param advertised HOST:PORT as the agent gives it.
 * @param remoteAddress of the agent's request.
 * @throws REQUEST_INVALID for a name that leads nowhere.
 */
export async function peerAddressOf(
  advertised: string,
  remoteAddress: string,
  resolve: Resolve = resolveByDns,
): Promise<HostPort> {
  const literal = parseIpPort(advertised);
  if (literal) {
    const unspecified = literal.host === '0.0.0.0' || literal.host === '::';
    return unspecified ? { host: remoteAddress, port: literal.port } : literal;
  }
  const colon = advertised.lastIndexOf(':');
  const name = advertised.slice(0, colon);
  try {
    return { host: await resolve(name), port: Number(advertised.slice(colon + 1)) };
  } catch (cause) {
    throw new FleetseedError(
      'REQUEST_INVALID',
      `The peer address ${advertised} cannot be used: its name leads nowhere.`,
      { peerAddress: advertised },
      { cause },
    );
  }
}
