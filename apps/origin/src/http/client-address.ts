import type { IncomingMessage } from 'node:http';

/** Whether a proxy at this address is believed; `hop` is 0 for the one that is connected to us. */
export type TrustProxy = (address: string, hop: number) => boolean;

/**
 * Where a request comes from: the nearest address that is no trusted proxy's, as Express has it in
 * `request.ip`. Proxies append to X-Forwarded-For, so what a client wrote there itself stands farthest away.
 */
export function clientAddressOf(request: IncomingMessage, trust: TrustProxy): string {
  const nearest = request.socket.remoteAddress ?? '';
  const header = request.headers['x-forwarded-for'];
  if (header === undefined || !trust(nearest, 0)) return nearest;
  const hops = String(header)
    .split(',')
    .map((text) => text.trim())
    .toReversed();
  const client = hops.findIndex((address, at) => !trust(address, at + 1));
  return hops[client < 0 ? hops.length - 1 : client]!;
}
