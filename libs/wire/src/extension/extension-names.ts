/** Names of the extensions we speak, as they stand in `m` of the extension handshake (BEP 10). */
export const EXTENSION = {
  /** Proof of membership. */
  member: 'fs_member',
  /** Runs and spans between members. */
  run: 'fs_run',
  /** What an origin offers a member. */
  offer: 'fs_offer',
  /** BEP 54. */
  dontHave: 'lt_donthave',
  /** BEP 9. */
  metadata: 'ut_metadata',
} as const;

/** The id of the extension handshake itself. */
export const EXTENSION_HANDSHAKE_ID = 0;
