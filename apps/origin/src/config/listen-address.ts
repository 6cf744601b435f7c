import type { HostPort } from '#lib/wire';

/** A listen address whose form was checked when the configuration was read; port 0 is any free one. */
export function listenAddressOf(text: string): HostPort {
  const colon = text.lastIndexOf(':');
  return {
    host: text.slice(0, colon).replace(/^\[(.*)\]$/, '$1'),
    port: Number(text.slice(colon + 1)),
  };
}
