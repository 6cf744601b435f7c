import {
  bdecode,
  bdict,
  bencode,
  type BencodeDict,
  type BencodeInput,
  type BencodeValue,
} from '#lib/torrent';

import { ipFromBytes, ipToBytes } from '../address/ip-address.js';
import { wireInvalid } from '../peer/wire.errors.js';
import { ZONE_MARK_BYTES } from './zone-mark.js';

/** What a fleet peer says of itself, in our private key `fs`. It proves nothing; `fs_member` does. */
export interface FleetIdentity {
  /** Version of our private protocol. */
  readonly version: number;
  /** 32 fresh random bytes that the other side's proof has to cover. */
  readonly nonce: Buffer;
  readonly role: FleetRole;
  /** Target id, at most 64 characters. */
  readonly target?: string;
  /** See `zoneMark`; left out by who does not know where it stands. */
  readonly zone?: Buffer;
}
export type FleetRole = 'origin' | 'agent';

export interface ExtensionHandshake {
  /** Name → the id that the *sender* of this handshake wants to be sent; 0 switches one off. */
  readonly m: ReadonlyMap<string, number>;
  /** Requests that the sender lets stand open. */
  readonly reqq?: number;
  /** Client name and version. */
  readonly v?: string;
  /** The sender's listening port. */
  readonly p?: number;
  /** The receiver's address as the sender sees it, an address literal. */
  readonly yourip?: string;
  /** Bytes of the `info` dictionary (BEP 9). */
  readonly metadataSize?: number;
  /** BEP 21: wants nothing. */
  readonly uploadOnly?: boolean;
  readonly fs?: FleetIdentity;
}

export const FLEET_PROTOCOL_VERSION = 1;
export const FLEET_NONCE_BYTES = 32;
/** Largest `metadata_size` believed, bytes: memory is taken for it. */
export const MAX_METADATA_BYTES = 64 * 1024 * 1024;

const MAX_BYTES = 64 * 1024;
const MAX_TEXT = 64;

/** The payload of the extension handshake: send as an extended message with id 0. */
export function encodeExtensionHandshake(handshake: ExtensionHandshake): Buffer {
  const { fs } = handshake;
  return bencode(
    bdict({
      m: new Map<string, BencodeInput>(handshake.m),
      reqq: handshake.reqq,
      v: handshake.v,
      p: handshake.p,
      yourip: handshake.yourip === undefined ? undefined : addressBytes(handshake.yourip),
      metadata_size: handshake.metadataSize,
      upload_only: handshake.uploadOnly === undefined ? undefined : Number(handshake.uploadOnly),
      fs: fs && bdict({ v: fs.version, n: fs.nonce, r: fs.role, t: fs.target, z: fs.zone }),
    }),
  );
}

/**
 * Reads the payload of an extension handshake. Keys that do not have the type they should have are
 * left out, as clients in the wild send many; a payload that is no dictionary is an error.
 *
 * @throws FleetseedError WIRE_INVALID
 */
export function decodeExtensionHandshake(payload: Uint8Array): ExtensionHandshake {
  const dict = decodeDict(payload);
  const reqq = integerOf(dict.get('reqq'), 1, 0xffff_ffff);
  const v = textOf(dict.get('v'));
  const p = integerOf(dict.get('p'), 1, 65_535);
  const yourip = addressOf(dict.get('yourip'));
  const metadataSize = integerOf(dict.get('metadata_size'), 1, MAX_METADATA_BYTES);
  const uploadOnly = integerOf(dict.get('upload_only'), 0, 0xffff_ffff);
  const fs = fleetIdentityOf(dict.get('fs'));
  return {
    m: extensionIds(dict.get('m')),
    ...(reqq === undefined ? {} : { reqq }),
    ...(v === undefined ? {} : { v }),
    ...(p === undefined ? {} : { p }),
    ...(yourip === undefined ? {} : { yourip }),
    ...(metadataSize === undefined ? {} : { metadataSize }),
    ...(uploadOnly === undefined ? {} : { uploadOnly: uploadOnly !== 0 }),
    ...(fs === undefined ? {} : { fs }),
  };
}

function decodeDict(payload: Uint8Array): BencodeDict {
  let value: BencodeValue;
  try {
    value = bdecode(payload, { maxBytes: MAX_BYTES, maxDepth: 10, maxItems: 2000 });
  } catch (error) {
    throw wireInvalid('an extension handshake is not bencode', {}, error);
  }
  if (!(value instanceof Map)) throw wireInvalid('an extension handshake is not a dictionary');
  return value;
}

function extensionIds(value: BencodeValue | undefined): Map<string, number> {
  const ids = new Map<string, number>();
  if (!(value instanceof Map)) return ids;
  for (const [name, id] of value) {
    const known = integerOf(id, 0, 255);
    if (known !== undefined && name.length <= MAX_TEXT) ids.set(name, known);
  }
  return ids;
}

function fleetIdentityOf(value: BencodeValue | undefined): FleetIdentity | undefined {
  if (!(value instanceof Map)) return undefined;
  const version = integerOf(value.get('v'), 1, 255);
  const nonce = value.get('n');
  const role = textOf(value.get('r'));
  const target = textOf(value.get('t'));
  const zone = value.get('z');
  if (version === undefined || !Buffer.isBuffer(nonce)) return undefined;
  if (nonce.length !== FLEET_NONCE_BYTES || (role !== 'origin' && role !== 'agent')) {
    return undefined;
  }
  return {
    version,
    nonce: Buffer.from(nonce),
    role,
    ...(target === undefined ? {} : { target }),
    ...(isZoneMark(zone) ? { zone: Buffer.from(zone) } : {}),
  };
}

function isZoneMark(value: BencodeValue | undefined): value is Buffer {
  return Buffer.isBuffer(value) && value.length === ZONE_MARK_BYTES;
}

function integerOf(value: BencodeValue | undefined, least: number, most: number) {
  return typeof value === 'number' && value >= least && value <= most ? value : undefined;
}

function textOf(value: BencodeValue | undefined): string | undefined {
  return Buffer.isBuffer(value) && value.length <= MAX_TEXT ? value.toString('utf8') : undefined;
}

function addressOf(value: BencodeValue | undefined): string | undefined {
  if (!Buffer.isBuffer(value)) return undefined;
  return value.length === 4 || value.length === 16 ? ipFromBytes(value) : undefined;
}

function addressBytes(text: string): Buffer | undefined {
  return ipToBytes(text) ?? undefined;
}
