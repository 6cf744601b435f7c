import { networkInterfaces } from 'node:os';

import { formatIpPort, type HostPort } from '#lib/wire';

import { listenAddressOf } from '../config/listen-address.js';

/** Where the peer port listens: as configured, or a free port of the address of the API. */
export function peerListenOf(config: {
  listen: string;
  peerListen?: string | undefined;
}): HostPort {
  if (config.peerListen !== undefined) return listenAddressOf(config.peerListen);
  return { ...listenAddressOf(config.listen), port: 0 };
}

/**
 * Under what address peers find this process, when nothing was configured: where it listens, or for
 * "all addresses" the first that is not loopback.
 */
export function dialAddressOf(
  listening: HostPort,
  interfaces: ReturnType<typeof networkInterfaces> = networkInterfaces(),
): string {
  if (listening.host !== '0.0.0.0' && listening.host !== '::') return formatIpPort(listening);
  const outside = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'));
  const found = outside.find(({ family }) => family === 'IPv4') ?? outside[0];
  const loopback = listening.host === '::' ? '::1' : '127.0.0.1';
  return formatIpPort({ host: found?.address ?? loopback, port: listening.port });
}
