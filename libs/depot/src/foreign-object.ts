import type { S3DepotOptions } from './s3/s3-options.js';

export interface ForeignContent {
  /** Of the whole object, bytes. */
  readonly length: number | null;
  /** Its ETag. */
  readonly version: string | null;
  /** The first byte that `bytes` gives. */
  readonly offset: number;
  readonly bytes: AsyncIterable<Uint8Array>;
}

export interface ForeignPosition {
  readonly offset: number;
  readonly version: string;
}

/** An object that is no part of a depot, and may be replaced while it is read. */
export interface ForeignObject {
  /**
   * From `position` on if the object is still of that version; else from its beginning.
   * @throws SOURCE_NOT_FOUND, SOURCE_REFUSED, SOURCE_UNAVAILABLE
   */
  open(position: ForeignPosition | null, signal: AbortSignal): Promise<ForeignContent>;
  /** Ends what is open. */
  close(): void;
}

/** The object `key` of the bucket that the options name. The SDK is loaded only now. */
export async function openForeignObject(
  options: S3DepotOptions,
  key: string,
): Promise<ForeignObject> {
  const { S3ForeignObject } = await import('./s3/s3-foreign-object.js');
  return new S3ForeignObject(options, key);
}
