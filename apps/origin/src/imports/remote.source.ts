/** Content of a source, from some byte on. */
export interface RemoteContent {
  /** Of the whole content; null when the source does not say. */
  readonly length: number | null;
  /** What only these bytes are called by (a strong ETag); null when the source names none. */
  readonly version: string | null;
  /** The first byte that `bytes` gives. */
  readonly offset: number;
  /** Fails when it ends early, as far as the source says where the end is. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** Where to go on, and in what. */
export interface RemotePosition {
  readonly offset: number;
  readonly version: string;
}

/**
 * A place that content is imported from.
 *
 * - `open` gives the content from `position` on if the source has just that version and gives parts;
 *   else from its beginning, which may then be another version. It never mixes two.
 * - Errors that another try may mend are SOURCE_UNAVAILABLE; what stays as it is has a code of the
 *   caller's (SOURCE_REFUSED, SOURCE_NOT_FOUND). Messages hold no secrets of the address. What `bytes`
 *   fails with and is no error of ours is a broken connection.
 * - Everything waits for a bounded time. `close` ends what is open.
 */
export interface RemoteSource {
  open(position: RemotePosition | null, signal: AbortSignal): Promise<RemoteContent>;
  close(): void;
}
