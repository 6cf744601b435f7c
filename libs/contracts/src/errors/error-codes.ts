/** What the CLI exits with; docs/CLI.md prints the same table. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  notAllowed: 3,
  notFound: 4,
  conflict: 5,
  timedOut: 6,
} as const;

/** What an error code means to the outside: the HTTP status and the CLI's exit code. */
export interface ErrorCodeFacts {
  readonly status: number;
  readonly exit: number;
}

const bad = { status: 400, exit: EXIT.failed };
const usage = { status: 400, exit: EXIT.usage };
const unauthenticated = { status: 401, exit: EXIT.notAllowed };
const forbidden = { status: 403, exit: EXIT.notAllowed };
const notFound = { status: 404, exit: EXIT.notFound };
const conflict = { status: 409, exit: EXIT.conflict };
const unprocessable = { status: 422, exit: EXIT.failed };
const ours = { status: 500, exit: EXIT.failed };
const busy = { status: 503, exit: EXIT.failed };
const full = { status: 507, exit: EXIT.failed };
const late = { status: 504, exit: EXIT.timedOut };

/**
 * Every code that leaves this system, in API answers, CLI output, logs and reports.
 * A code is stable once released: texts may improve, codes do not change their meaning.
 */
export const ERROR_CODES = {
  // Formats: metainfo and trees that cannot be right, whoever sent them.
  BENCODE_INVALID: bad,
  METAINFO_INVALID: bad,
  METAINFO_TOO_LARGE: bad,
  METAINFO_PATH_INVALID: bad,
  METAINFO_PIECE_LENGTH_INVALID: bad,
  METAINFO_PIECE_LAYERS_INVALID: bad,
  METAINFO_ROOT_INVALID: bad,
  MAGNET_INVALID: bad,
  WIRE_INVALID: bad,
  TRACKER_ANSWER_INVALID: bad,
  TREE_UNRESTORABLE: unprocessable,
  TREE_CHANGED: conflict,

  // Requests.
  REQUEST_INVALID: bad,
  USAGE: usage,
  CONFIG_INVALID: usage,
  NOT_FOUND: notFound,
  APP_NOT_FOUND: notFound,
  VERSION_NOT_FOUND: notFound,
  CHANNEL_NOT_FOUND: notFound,
  ARTIFACT_NOT_FOUND: notFound,
  PATH_NOT_FOUND: notFound,
  TARGET_NOT_FOUND: notFound,
  UPLOAD_NOT_FOUND: notFound,
  TOKEN_NOT_FOUND: notFound,
  JOB_NOT_FOUND: notFound,
  IMPORT_NOT_FOUND: notFound,
  /** A replica was asked for what it was told not to do; another one does it. */
  ROLE_NOT_HERE: { status: 421, exit: EXIT.failed },
  RANGE_NOT_SATISFIABLE: { status: 416, exit: EXIT.failed },
  PAYLOAD_TOO_LARGE: { status: 413, exit: EXIT.failed },
  TOO_MANY_REQUESTS: { status: 429, exit: EXIT.failed },

  // Who is there.
  TOKEN_MISSING: unauthenticated,
  TOKEN_INVALID: unauthenticated,
  TOKEN_EXPIRED: unauthenticated,
  FORBIDDEN: forbidden,
  JOIN_REFUSED: forbidden,
  IDENTITY_PROOF_INVALID: unauthenticated,
  DUPLICATE_IDENTITY: conflict,
  INSECURE_HTTP_REFUSED: { status: 403, exit: EXIT.usage },
  TRACKER_KEY_INVALID: forbidden,
  INFO_HASH_UNKNOWN: notFound,

  // Uploads and releases.
  VERSION_TAKEN: conflict,
  VERSION_RETIRED: conflict,
  PART_HASH_MISMATCH: unprocessable,
  PART_INVALID: unprocessable,
  ROOT_MISMATCH: unprocessable,
  UPLOAD_INCOMPLETE: conflict,
  UPLOAD_EXPIRED: { status: 410, exit: EXIT.failed },
  ALREADY_EXISTS: conflict,
  PRECONDITION_FAILED: { status: 412, exit: EXIT.conflict },

  // What releases are imported from.
  /** The origin may not fetch from there, or is not let in. */
  SOURCE_REFUSED: { status: 403, exit: EXIT.notAllowed },
  SOURCE_NOT_FOUND: unprocessable,
  /** It does not answer, or not in a way that can be used. */
  SOURCE_UNAVAILABLE: busy,
  /** It was replaced again and again while it was fetched. */
  SOURCE_CHANGED: conflict,
  /** It is not what was declared: other bytes, or another number of them. */
  SOURCE_MISMATCH: unprocessable,

  // Depot and disk.
  DEPOT_FULL: full,
  /** The store does not answer, or not in a way that can be used; what was asked may have happened. */
  DEPOT_UNAVAILABLE: busy,
  /** The store knows us no longer, or does not let us do what a depot needs. */
  DEPOT_DENIED: ours,
  /** What the depot is to be kept in cannot hold one, or is not there. */
  DEPOT_UNUSABLE: { status: 500, exit: EXIT.usage },
  DEPOT_FORMAT_NEWER: ours,
  DEPOT_CORRUPT: ours,
  DEPOT_LOCKED: conflict,
  DEPOT_INTEGRITY: ours,
  DEPOT_KEY_INVALID: bad,
  DEPOT_LENGTH_MISMATCH: unprocessable,
  NO_SPACE: full,
  DISK_IO: ours,
  TOO_MANY_OPEN_FILES: busy,
  DATA_FOLDER_IN_USE: conflict,

  // Transfer.
  NO_PEERS: late,
  HASH_MISMATCH: unprocessable,
  PIECE_UNAVAILABLE: { status: 404, exit: EXIT.failed },
  STAGE_TIMED_OUT: late,
  UNPACK_REFUSED: unprocessable,
  PEER_REFUSED: forbidden,
  OVER_BUDGET: busy,

  // Ours.
  ORIGIN_UNREACHABLE: { status: 503, exit: EXIT.failed },
  QUEUE_UNREACHABLE: busy,
  WEBHOOK_REFUSED: busy,
  AGENT_UNREACHABLE: { status: 503, exit: EXIT.failed },
  TIMED_OUT: late,
  ABORTED: ours,
  SHUTTING_DOWN: busy,
  INTERNAL: ours,
} as const satisfies Record<string, ErrorCodeFacts>;

export type ErrorCode = keyof typeof ERROR_CODES;
