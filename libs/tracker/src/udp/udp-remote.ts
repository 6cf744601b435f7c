import { ipFromBytes, ipToBytes } from '#lib/wire';

import { isMapped, readWord, writeWord } from '../store/packed/peer-key.js';

/** Where a datagram came from, as the socket says it. */
export interface UdpRemote {
  readonly address: string;
  readonly port: number;
}

/** The same as words, IPv4 as IPv4-mapped IPv6; one object is filled again and again. */
export class RemoteWords {
  readonly address = new Uint32Array(4);
  port = 0;

  set({ address, port }: UdpRemote): void {
    // A link-local address comes with its interface, which does not tell one sender from another.
    const bytes = ipToBytes(address.split('%', 1)[0]!) ?? Buffer.alloc(16);
    this.port = port;
    if (bytes.length === 4) this.setV4(bytes, 0);
    else this.setV6(bytes, 0);
  }

  setV4(bytes: Uint8Array, at: number): void {
    this.address[0] = 0;
    this.address[1] = 0;
    this.address[2] = 0xffff;
    this.address[3] = readWord(bytes, at);
  }

  setV6(bytes: Uint8Array, at: number): void {
    for (let word = 0; word < 4; word++) this.address[word] = readWord(bytes, at + 4 * word);
  }

  get isV4(): boolean {
    return isMapped(this.address, 0);
  }

  toRemote(): UdpRemote {
    const bytes = new Uint8Array(16);
    for (let word = 0; word < 4; word++) writeWord(bytes, 4 * word, this.address[word]!);
    return { address: ipFromBytes(bytes), port: this.port };
  }
}
