import { isIPv6 } from 'node:net';

import { ipToBytes } from '#lib/wire';

/** A pointer as `node:ffi` has it. */
type Pointer = bigint;

/** What is used of `node:ffi`, which Node has had since version 26 and calls experimental. */
interface ForeignFunctions {
  dlopen(path: null, definitions: Readonly<Record<string, unknown>>): { functions: unknown };
  getRawPointer(bytes: Uint8Array): Pointer;
}

export interface SystemSockets {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Pointer, length: number): number;
  setsockopt(fd: number, level: number, name: number, value: Pointer, length: number): number;
  close(fd: number): number;
  recvmmsg(fd: number, messages: Pointer, count: number, flags: number, timeout: Pointer): number;
  sendmmsg(fd: number, messages: Pointer, count: number, flags: number): number;
}

const [I32, U32, POINTER] = ['i32', 'u32', 'pointer'];
const DEFINITIONS = {
  socket: { arguments: [I32, I32, I32], return: I32 },
  bind: { arguments: [I32, POINTER, U32], return: I32 },
  setsockopt: { arguments: [I32, I32, I32, POINTER, U32], return: I32 },
  close: { arguments: [I32], return: I32 },
  recvmmsg: { arguments: [I32, POINTER, U32, I32, POINTER], return: I32 },
  sendmmsg: { arguments: [I32, POINTER, U32, I32], return: I32 },
};

/** Constants of Linux, the same on x64 and arm64. */
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_SNDBUF = 7;
const SO_RCVBUFFORCE = 33;
const SO_SNDBUFFORCE = 32;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const ADDRESS_BYTES = 28;

let loaded: { calls: SystemSockets; pointerTo: (bytes: Uint8Array) => Pointer } | null | undefined;

/**
 * The system's own socket calls, for datagrams by the batch: Node's dgram makes a system call, a buffer, two
 * objects and a callback of each. Null where they cannot be had: then dgram does all of it.
 */
export function systemSockets() {
  if (loaded === undefined) loaded = load();
  return loaded;
}

function load() {
  const known = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch);
  if (!known) return null;
  try {
    const ffi = process.getBuiltinModule('node:ffi') as unknown as ForeignFunctions | undefined;
    if (!ffi) return null;
    const calls = ffi.dlopen(null, DEFINITIONS).functions as SystemSockets;
    return { calls, pointerTo: (bytes: Uint8Array) => ffi.getRawPointer(bytes) };
  } catch {
    // Not built in, or not permitted.
    return null;
  }
}

/**
 * A UDP socket that is bound and does not block; null when it cannot be: dgram tells why better.
 * @param host address literal; `::` takes IPv4 too.
 * @param bufferBytes asked for in each direction; the system may give less.
 */
export function bindDatagrams(host: string, port: number, bufferBytes: number): number | null {
  const system = systemSockets();
  const address = system && addressOf(host, port);
  if (!system || !address) return null;
  const { calls, pointerTo } = system;
  const six = isIPv6(host);
  const fd = calls.socket(six ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return null;
  const set = (level: number, name: number, value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    return calls.setsockopt(fd, level, name, pointerTo(bytes), bytes.length) === 0;
  };
  if (!set(SOL_SOCKET, SO_RCVBUFFORCE, bufferBytes)) set(SOL_SOCKET, SO_RCVBUF, bufferBytes);
  if (!set(SOL_SOCKET, SO_SNDBUFFORCE, bufferBytes)) set(SOL_SOCKET, SO_SNDBUF, bufferBytes);
  if (six) set(IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (calls.bind(fd, pointerTo(address), address.length) === 0) return fd;
  calls.close(fd);
  return null;
}

/** A `sockaddr_in` or `sockaddr_in6`; null for an address with a scope. */
function addressOf(host: string, port: number): Buffer | null {
  const bytes = ipToBytes(host);
  if (!bytes) return null;
  const address = Buffer.alloc(isIPv6(host) ? ADDRESS_BYTES : 16);
  address.writeUInt16LE(isIPv6(host) ? AF_INET6 : AF_INET, 0);
  address.writeUInt16BE(port, 2);
  if (bytes.length === 4 && isIPv6(host)) return null;
  bytes.copy(address, isIPv6(host) ? 8 : 4);
  return address;
}
