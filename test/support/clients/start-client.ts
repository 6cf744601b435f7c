import { ARIA2, LIBTORRENT, ownAddress } from './addresses.js';
import { startAria2 } from './aria2.js';
import type { ClientOptions, StockClient } from './client.types.js';
import { startLibtorrent } from './libtorrent.js';
import { startTransmission } from './transmission.js';

export type ClientName = StockClient['name'];
export const CLIENTS: readonly ClientName[] = ['aria2', 'transmission', 'libtorrent'];

/** Starts a client on its usual address, unless another one is given. */
export function startClient(
  name: ClientName,
  options: Omit<ClientOptions, 'address'> & { readonly address?: string },
): Promise<StockClient> {
  switch (name) {
    case 'aria2':
      return startAria2({ address: ARIA2, ...options });
    case 'transmission':
      return startTransmission({ address: ownAddress(), ...options });
    case 'libtorrent':
      return startLibtorrent({ address: LIBTORRENT, ...options });
  }
}
