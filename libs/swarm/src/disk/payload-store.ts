/**
 * The payload bytes of one artifact: its non-empty files one after the other in v2 order, addressed
 * as one range of bytes from 0.
 *
 * - `read` fills `target` whole with the bytes from payload `offset`, or rejects: PIECE_UNAVAILABLE
 *   when bytes of the range are not there (never written, cut off, or no longer to be trusted),
 *   DISK_IO when the device fails. What `target` holds after a rejection is undefined.
 * - `write` takes effect before it resolves: a `read` that begins then sees the bytes. Durability is
 *   `sync`'s. Rejects with NO_SPACE when the disk is full, DISK_IO, or UNPACK_REFUSED when the place
 *   for a file is not safe. A write that was rejected may have happened in part.
 * - `sync` resolves when everything that was written before the call survives a power cut.
 * - `close` waits for what is under way and releases all handles; any later call is rejected with
 *   SHUTTING_DOWN. It may be called twice.
 *
 * Ranges may be read and written concurrently, and overlapping writes have no defined order. A range
 * that does not lie inside the payload is a mistake of the caller and rejects with RangeError.
 * Buffers are the caller's again when the promise settles, and must not be touched before.
 */
export interface PayloadStore {
  /** Bytes of the whole payload. */
  readonly length: number;
  read(offset: number, target: Uint8Array): Promise<void>;
  write(offset: number, source: Uint8Array): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** @throws RangeError unless [offset, offset + count) lies inside the payload. */
export function checkPayloadRange(length: number, offset: number, count: number): void {
  if (Number.isSafeInteger(offset) && offset >= 0 && offset + count <= length) return;
  throw new RangeError(`Payload range ${offset}+${count} is not inside ${length} bytes.`);
}
