import { z } from 'zod';

/** An app: what releases, channels and targets' folders are named after. */
export const AppName = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?$/, 'an app name is 1 to 64 of a-z 0-9 . _ -');

/** A version: any text a build system stamps, as long as it is safe in a path and a URL. */
export const VersionName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/, 'a version is 1 to 128 of A-Z a-z 0-9 . _ + -')
  .refine((text) => !text.endsWith('.'), 'a version does not end in a dot');

export const ChannelName = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$/, 'a channel name is 1 to 64 of a-z 0-9 _ -');

/** 32 bytes as lower-case hex: a BEP 52 root or a v2 info-hash. */
export const Hex32 = z.string().regex(/^[0-9a-f]{64}$/, '64 hex digits');

/** 20 bytes as lower-case hex: a v1 info-hash. */
export const Hex20 = z.string().regex(/^[0-9a-f]{40}$/, '40 hex digits');

/** A target's id: the first 20 bytes of the SHA-256 of its public key, as hex. */
export const TargetId = Hex20;

/** Labels say where and what a target is (`zone=a`, `rack=r7`, `role=web`). */
export const Labels = z
  .record(
    z.string().regex(/^[a-z][a-z0-9._-]{0,31}$/, 'a label key is 1 to 32 of a-z 0-9 . _ -'),
    z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'a label value is 1 to 64 of A-Z a-z 0-9 . _ -'),
  )
  .refine((labels) => Object.keys(labels).length <= 32, 'at most 32 labels');
export type Labels = z.infer<typeof Labels>;

/** Bytes as a JSON number: exact up to 2^53. */
export const ByteCount = z.number().int().nonnegative();

/** Milliseconds since the epoch. */
export const Timestamp = z.number().int().nonnegative();

/** Where peers dial: an IP literal or host name and a port, `10.0.0.7:7001`, `[::1]:7001`. */
export const HostPort = z
  .string()
  .regex(/^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):\d{1,5}$/, 'HOST:PORT')
  .refine(hasPort, 'a port is at most 65535');

/** Where a process of ours listens: `IP:PORT`, `[IPv6]:PORT`; port 0 takes a free one. */
export const ListenAddress = z
  .string()
  .regex(/^(?:\[[0-9a-fA-F:]+\]|\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}$/, 'must be IP:PORT')
  .refine(hasPort, 'a port is at most 65535');

function hasPort(address: string): boolean {
  return Number(address.slice(address.lastIndexOf(':') + 1)) <= 65_535;
}
