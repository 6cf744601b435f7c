/** What a client that we did not write is asked to do. */
export interface ClientOptions {
  /** Whether the content is in `folder` already (and is checked there), or is to be fetched. */
  readonly mode: 'download' | 'seed';
  readonly torrentFile: string;
  /** The content is, or will be, at `<folder>/<name of the torrent>`. */
  readonly folder: string;
  /**
   * Where it listens and where its connections come from. Each client of a swarm gets an address of its
   * own, as machines have: trackers and peers tell them apart by it. See `addresses.ts`.
   */
  readonly address: string;
  /** Instead of the torrent file, and whom to ask: for libtorrent alone. */
  readonly magnet?: string;
  readonly peer?: { readonly host: string; readonly port: number };
  /** Bytes a second; unlimited without. */
  readonly downloadLimit?: number;
  readonly uploadLimit?: number;
}

/** Payload bytes as the client itself counts them. */
export interface ClientProgress {
  /** Every byte has arrived and was checked. */
  readonly complete: boolean;
  /** Received from peers, whatever became of it. */
  readonly downloaded: number;
  readonly uploaded: number;
  /** Connections that are open. */
  readonly peers: number;
  /** Received and thrown away for a wrong hash; 0 for clients that do not tell. */
  readonly wasted: number;
  /** What the client says of its tracker, in its own words; `''` when it says nothing. */
  readonly tracker: string;
}

/** A running client. It is ended by `stop`, and with the test process at the latest. */
export interface StockClient {
  readonly name: 'aria2' | 'transmission' | 'libtorrent';
  readonly address: string;
  readonly port: number;
  progress(): Promise<ClientProgress>;
  /**
   * Resolves when the client says that it has everything. It goes on seeding.
   * @throws when the signal aborts or the process ends; the message has the end of its log
   */
  whenComplete(signal: AbortSignal): Promise<ClientProgress>;
  stop(): Promise<void>;
  /** The end of what it wrote. */
  log(): string;
}
