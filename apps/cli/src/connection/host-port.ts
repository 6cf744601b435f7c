import { FleetseedError } from '#lib/contracts';

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/**
 * Takes `HOST:PORT` or `[IPv6]:PORT` apart.
 * @param name of the option or the place it came from, for the message
 * @throws FleetseedError USAGE
 */
export function splitHostPort(text: string, name: string): HostAndPort {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3] ?? Number.NaN);
  if (match && port <= 65_535) return { host: match[1] ?? match[2]!, port };
  throw new FleetseedError('USAGE', `${name} "${text}" is not of the form HOST:PORT.`);
}
