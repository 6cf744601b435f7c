/** Message ids of BEP 3, 5, 6, 10 and 52. */
export const MESSAGE_ID = {
  choke: 0,
  unchoke: 1,
  interested: 2,
  notInterested: 3,
  have: 4,
  bitfield: 5,
  request: 6,
  piece: 7,
  cancel: 8,
  port: 9,
  suggest: 13,
  haveAll: 14,
  haveNone: 15,
  reject: 16,
  allowedFast: 17,
  extended: 20,
  hashRequest: 21,
  hashes: 22,
  hashReject: 23,
} as const;

/** A block of a piece; `begin` and `length` in bytes. */
export interface BlockRef {
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
}

/**
 * A range of one layer of a file's Merkle tree (BEP 52). `base` counts layers from the 16 KiB leaves
 * (0), `index` and `length` count hashes in that layer, `proofLayers` the layers of uncles wanted.
 */
export interface HashRange {
  /** `pieces root` of the file, 32 bytes. */
  readonly root: Buffer;
  readonly base: number;
  readonly index: number;
  readonly length: number;
  readonly proofLayers: number;
}

export type BareMessageType =
  | 'keepAlive'
  | 'choke'
  | 'unchoke'
  | 'interested'
  | 'notInterested'
  | 'haveAll'
  | 'haveNone';

/**
 * Every message but `piece` and span data, whose bytes never become an object: see WireSink.
 * Buffers are the receiver's own copies.
 */
export type WireMessage =
  | { readonly type: BareMessageType }
  | { readonly type: 'have' | 'suggest' | 'allowedFast'; readonly piece: number }
  | { readonly type: 'bitfield'; readonly bits: Buffer }
  | ({ readonly type: 'request' | 'cancel' | 'reject' } & BlockRef)
  | { readonly type: 'port'; readonly port: number }
  | ({ readonly type: 'hashRequest' | 'hashReject' } & HashRange)
  | ({ readonly type: 'hashes'; readonly hashes: Buffer } & HashRange)
  | { readonly type: 'extended'; readonly id: number; readonly payload: Buffer }
  | { readonly type: 'unknown'; readonly id: number };

/** Where a {@link WireDecoder} delivers. Called synchronously from `push`. */
export interface WireSink {
  message(message: WireMessage): void;
  /**
   * Payload of `piece` or of span data begins: returns where its `length` bytes go (a view of exactly
   * that length), or null to discard them. `index` is the piece, or the run for a span.
   */
  blockBegins(kind: BlockKind, index: number, begin: number, length: number): Uint8Array | null;
  /** All bytes of the block came; also called for a block that was discarded. */
  blockEnds(kind: BlockKind, index: number, begin: number, length: number): void;
  /**
   * Whether the body of an `extended` or `hashes` message is of use; `extensionId` is 0 for the latter.
   * One that is not passes by without taking memory, and is told as `unknown`. Left out: all are.
   */
  wants?(messageId: number, extensionId: number): boolean;
}

export type BlockKind = 'piece' | 'span';

export interface WireLimits {
  /** The longest message that is not a block, bytes without the length prefix. */
  maxMessageBytes: number;
  /** The longest payload of `piece` or span data, bytes. */
  maxBlockBytes: number;
}

/** Generous enough for extension handshakes, hash ranges and bitfields of 8 million pieces. */
export const DEFAULT_WIRE_LIMITS: Readonly<WireLimits> = {
  maxMessageBytes: 1024 * 1024,
  maxBlockBytes: 1024 * 1024,
};
