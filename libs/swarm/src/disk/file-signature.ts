/** What decides whether a file is still the one that was hashed. */
export interface FileSignature {
  readonly size: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly ino: bigint;
}
