import { FleetseedError } from '#lib/contracts';

const ROOT = /^[0-9a-f]{64}$/;

/** BEP 52 leaves: 32 bytes of SHA-256 for each 16 KiB of content. */
export const LEAF_BYTES = 32;
export const LEAF_SPAN = 16_384;

/** Files smaller than this are kept in packs; a pack holds at most so many bytes and files. */
export const PACKED_BELOW = 1024 * 1024;
export const MAX_PACK_BYTES = 16 * 1024 * 1024;
export const MAX_PACK_FILES = 65_536;

/** Refuses what is not 32 bytes in lower-case hex (a file's root, an artifact's v2 info-hash). */
export function assertHash(hash: string): void {
  if (ROOT.test(hash)) return;
  throw new FleetseedError('REQUEST_INVALID', 'A hash must be 64 lower-case hex digits.', {
    hash: hash.slice(0, 80),
  });
}

/** Bytes that the leaves of `length` bytes of content take. */
export function leavesLength(length: number): number {
  return Math.ceil(length / LEAF_SPAN) * LEAF_BYTES;
}

/** The content of a file under its BEP 52 root. */
export function blobKey(root: string): string {
  assertHash(root);
  return `blobs/${root.slice(0, 2)}/${root}`;
}

/** The leaf hashes of a blob, written last: the blob is there if and only if this is. */
export function leavesKey(root: string): string {
  return `${blobKey(root)}.leaves`;
}

export function packKey(id: string): string {
  return `packs/${id}`;
}

/** What is where in a pack, written last: the pack is there if and only if this is. */
export function packIndexKey(id: string): string {
  return `packs/${id}.index`;
}

export function torrentKey(infoHashV2: string): string {
  assertHash(infoHashV2);
  return `artifacts/${infoHashV2}.torrent`;
}

export function placesKey(infoHashV2: string): string {
  assertHash(infoHashV2);
  return `artifacts/${infoHashV2}.places`;
}

/** Where bytes from outside land until they are verified, and the documents of their upload. */
export function uploadKey(uploadId: string, name: string): string {
  return `uploads/${uploadId}/${name}`;
}

export const depotPrefix = {
  apps: 'apps/',
  releases: (app: string) => `apps/${app}/releases/`,
  retired: (app: string) => `apps/${app}/retired/`,
  channels: (app: string) => `apps/${app}/channels/`,
  channel: (app: string, channel: string) => `apps/${app}/channels/${channel}/`,
  rollout: (id: string) => `rollouts/${id}/`,
  upload: (id: string) => `uploads/${id}/`,
} as const;
