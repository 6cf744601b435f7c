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

export interface ForeignEntry {
  readonly key: string;
  readonly length: number;
  /** Its ETag; null when the store does not say. */
  readonly version: string | null;
}

/** Objects of a bucket that is no depot of ours, read over common connections. */
export interface ForeignFolder {
  /**
   * Everything below the prefix that it was opened with, page by page, in the bytewise order of the keys.
   * @throws SOURCE_NOT_FOUND, SOURCE_REFUSED, SOURCE_UNAVAILABLE
   */
  list(signal: AbortSignal): AsyncGenerator<ForeignEntry[]>;
  /** Its `close` does nothing: it ends with the folder. */
  object(key: string): ForeignObject;
  /** Ends what is open. */
  close(): void;
}

/** What of the bucket begins with `prefix`. The SDK is loaded only now. */
export async function openForeignFolder(
  options: S3DepotOptions,
  prefix: string,
): Promise<ForeignFolder> {
  const { S3ForeignFolder } = await import('./s3/s3-foreign-folder.js');
  return new S3ForeignFolder(options, prefix);
}

/** The object `key` of the bucket that the options name. The SDK is loaded only now. */
export async function openForeignObject(
  options: S3DepotOptions,
  key: string,
): Promise<ForeignObject> {
  const { S3ForeignObject } = await import('./s3/s3-foreign-object.js');
  return S3ForeignObject.open(options, key);
}
