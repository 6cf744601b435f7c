import { BlockList, isIP } from 'node:net';

import { configurationError } from '#lib/contracts';
import { normalizeIp } from '#lib/wire';

import type { OriginConfig } from '../config/origin-config.schema.js';

/*
 * Addresses that are no business of whoever may push: IANA's special-purpose registries, and what
 * clouds put behind addresses that look public.
 */
const SPECIAL = networks(`
  0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24
  192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24
  224.0.0.0/4 240.0.0.0/4 168.63.129.16/32 2001::/23 2001:db8::/32 2002::/16 3fff::/20`);
const GLOBAL_V6 = networks('2000::/3');
/** What the name of an internal host may stand for. Never loopback, link-local or metadata. */
const PRIVATE = networks('10.0.0.0/8 100.64.0.0/10 172.16.0.0/12 192.168.0.0/16 fc00::/7');
const METADATA = networks('100.100.100.200/32 fd00:ec2::/32');
const NAT64 = /^64:ff9b::/;

const NAME = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9._-]{0,252}[a-z0-9])?$/i;

/**
 * Which hosts releases may be imported from: all with a public address, and the internal ones that
 * are listed. A listed name may stand for a private address; an address that is listed, alone or as
 * a network, may be anything.
 */
export class AddressPolicy {
  readonly #names = new Set<string>();
  readonly #suffixes: string[] = [];
  readonly #listed = new BlockList();

  /** @param allowed `host`, `*.domain`, address or network each @throws CONFIG_INVALID */
  constructor(allowed: readonly string[]) {
    for (const entry of allowed) this.#add(entry.toLowerCase());
  }

  /** Whether a connection may be made to `address`, which `host` was found to have. */
  allows(host: string, address: string): boolean {
    const plain = normalizeIp(address);
    if (plain === null) return false;
    if (contains(this.#listed, plain)) return true;
    if (isPublic(plain)) return true;
    return this.#isListedName(host) && contains(PRIVATE, plain) && !contains(METADATA, plain);
  }

  #isListedName(host: string): boolean {
    const name = host.toLowerCase().replace(/\.$/, '');
    return this.#names.has(name) || this.#suffixes.some((suffix) => name.endsWith(suffix));
  }

  #add(entry: string): void {
    const [address = '', bits] = entry.split('/');
    const family = isIP(address);
    const width = family === 4 ? 32 : 128;
    const prefix = bits === undefined ? width : /^\d{1,3}$/.test(bits) ? Number(bits) : Infinity;
    if (family !== 0 && prefix <= width) {
      this.#listed.addSubnet(address, prefix, family === 4 ? 'ipv4' : 'ipv6');
    } else if (!NAME.test(entry) || family !== 0) {
      throw configurationError(
        'importHosts',
        `"${entry}" is no host, *.domain, address or network`,
      );
    } else if (entry.startsWith('*.')) this.#suffixes.push(entry.slice(1));
    else this.#names.add(entry);
  }
}

/** @throws CONFIG_INVALID that names the setting */
export function importAddressesOf({
  importHosts,
}: Pick<OriginConfig, 'importHosts'>): AddressPolicy {
  return new AddressPolicy(importHosts);
}

function isPublic(address: string): boolean {
  if (NAT64.test(address)) {
    const v4 = normalizeIp(address.replace(NAT64, '::ffff:'));
    return v4 !== null && isIP(v4) === 4 && isPublic(v4);
  }
  if (isIP(address) === 6 && !contains(GLOBAL_V6, address)) return false;
  return !contains(SPECIAL, address);
}

function contains(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
}

function networks(all: string): BlockList {
  const list = new BlockList();
  for (const network of all.trim().split(/\s+/)) {
    const [address = '', bits] = network.split('/');
    list.addSubnet(address, Number(bits), isIP(address) === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}
