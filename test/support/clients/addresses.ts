import { spawnSync } from 'node:child_process';
import { networkInterfaces } from 'node:os';

/**
 * Addresses for the clients of one swarm. All of 127.0.0.0/8 is this machine, so each gets its own and
 * looks like a machine of its own. Transmission alone refuses to dial 127.x (`tr_address_is_valid_for_peers`
 * holds it to be a bogon), so whatever it has to dial, and it itself, stand on {@link ownAddress}.
 */
export const ARIA2 = '127.0.0.2';
export const LIBTORRENT = '127.0.0.3';
export const PULL = '127.0.0.4';

/** Set aside for tests of network devices (RFC 2544), so nobody has it. */
const SPARE = '198.18.77.1';

let found: string | null = null;

/** An IPv4 address of this machine that is not a loopback one. */
export function ownAddress(): string {
  found ??= addressOfInterfaces() ?? spareAddress();
  return found;
}

function addressOfInterfaces(): string | null {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { family, internal, address } of addresses ?? []) {
      if (family === 'IPv4' && (!internal || address === SPARE)) return address;
    }
  }
  return null;
}

/** A machine with nothing but loopback: the spare address is put there, where only it can reach it. */
function spareAddress(): string {
  const { status } = spawnSync('ip', ['address', 'add', `${SPARE}/32`, 'dev', 'lo']);
  if (status === 0) return SPARE;
  throw new Error(
    'Transmission does not dial loopback addresses, and this machine has no other: ' +
      `run "ip address add ${SPARE}/32 dev lo" as root.`,
  );
}
