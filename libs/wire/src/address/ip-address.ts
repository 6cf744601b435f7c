import { isIPv4, isIPv6 } from 'node:net';

const DOT = 0x2e;
const ZERO = 0x30;
const MAPPED_V4 = Buffer.from('00000000000000000000ffff', 'hex');

/**
 * The 4 or 16 raw bytes of an address literal; null for anything else, host names and zoned
 * addresses (`fe80::1%eth0`) among it. IPv4-mapped IPv6 becomes IPv4, so that a peer seen through a
 * dual-stack socket is the same peer.
 */
export function ipToBytes(text: string): Buffer | null {
  if (isIPv4(text)) return v4Bytes(text);
  if (!isIPv6(text) || text.includes('%')) return null;
  const bytes = v6Bytes(text);
  return bytes.compare(MAPPED_V4, 0, 12, 0, 12) === 0 ? bytes.subarray(12) : bytes;
}

function dotted(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** The address in canonical text (RFC 5952). `bytes` has 4 or 16 bytes. */
export function ipFromBytes(bytes: Uint8Array): string {
  if (bytes.length === 4) return dotted(bytes, 0);
  if (bytes.length !== 16) throw new RangeError(`An address has 4 or 16 bytes: ${bytes.length}`);
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, 16);
  if (view.compare(MAPPED_V4, 0, 12, 0, 12) === 0) return dotted(view, 12);
  const groups = Array.from({ length: 8 }, (_, group) => view.readUInt16BE(2 * group));
  const zeros = longestZeros(groups);
  const hex = (from: number, to: number) =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':');
  if (zeros.count < 2) return hex(0, 8);
  return `${hex(0, zeros.start)}::${hex(zeros.start + zeros.count, 8)}`;
}

/** The canonical text of an address literal; null when it is none. */
export function normalizeIp(text: string): string | null {
  const bytes = ipToBytes(text);
  return bytes && ipFromBytes(bytes);
}

export interface HostPort {
  /** Canonical address literal. */
  readonly host: string;
  readonly port: number;
}

/** `10.0.0.1:6881` or `[fd00::1]:6881`, address literals only; null for anything else. */
export function parseIpPort(text: string): HostPort | null {
  const match = /^(?:\[([^\]]{2,45})\]|([0-9.]{7,15})):([0-9]{1,5})$/.exec(text);
  if (!match) return null;
  const literal = match[1] ?? match[2]!;
  if (match[1] !== undefined && !isIPv6(literal)) return null;
  const host = normalizeIp(literal);
  const port = Number(match[3]);
  return host !== null && port >= 1 && port <= 65_535 ? { host, port } : null;
}

/** The inverse of {@link parseIpPort}. */
export function formatIpPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Trackers read thousands of these a second, so nothing is made but the bytes. */
function v4Bytes(text: string): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  let part = 0;
  let at = 0;
  for (let place = 0; place < text.length; place++) {
    const code = text.charCodeAt(place);
    if (code !== DOT) {
      part = 10 * part + code - ZERO;
      continue;
    }
    bytes[at++] = part;
    part = 0;
  }
  bytes[at] = part;
  return bytes;
}

function v6Bytes(text: string): Buffer {
  const [head = '', tail] = text.split('::');
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  const bytes = Buffer.alloc(16);
  front.forEach((group, at) => bytes.writeUInt16BE(group, 2 * at));
  back.forEach((group, at) => bytes.writeUInt16BE(group, 16 - 2 * (back.length - at)));
  return bytes;
}

/** Groups of one side of `::`; an IPv4 tail counts as two. */
function groupsOf(side: string): number[] {
  if (side === '') return [];
  return side.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const v4 = v4Bytes(group);
    return [v4.readUInt16BE(0), v4.readUInt16BE(2)];
  });
}

function longestZeros(groups: readonly number[]): { start: number; count: number } {
  let best = { start: 0, count: 0 };
  let start = 0;
  groups.forEach((group, at) => {
    if (group !== 0) start = at + 1;
    else if (at + 1 - start > best.count) best = { start, count: at + 1 - start };
  });
  return best;
}
