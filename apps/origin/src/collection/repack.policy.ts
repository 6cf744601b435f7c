/** A pack and what of it is needed: root → bytes. */
export interface PackUse {
  readonly object: string;
  /** Bytes of the whole pack. */
  readonly length: number;
  readonly live: ReadonlyMap<string, number>;
}

/** A file that moves into a new pack. */
export interface MovedFile {
  readonly root: string;
  readonly length: number;
  /** The pack that it lies in now. */
  readonly from: string;
}

export interface PackLimits {
  readonly bytes: number;
  readonly files: number;
}

/** Packs of which something, but less than half is needed. */
export function wornPacks(packs: readonly PackUse[]): PackUse[] {
  return packs.filter(({ length, live }) => live.size > 0 && 2 * liveBytes(live) < length);
}

/**
 * What of worn packs is needed, gathered into new ones in the order of the old. A file that several
 * of them hold moves once, and all its places follow.
 */
export function planRepack(worn: readonly PackUse[], limits: PackLimits): MovedFile[][] {
  const packs: MovedFile[][] = [];
  const seen = new Set<string>();
  let pack: MovedFile[] = [];
  let bytes = 0;
  for (const { object, live } of worn) {
    for (const [root, length] of live) {
      if (seen.has(root)) continue;
      seen.add(root);
      if (pack.length === limits.files || (pack.length > 0 && bytes + length > limits.bytes)) {
        packs.push(pack);
        pack = [];
        bytes = 0;
      }
      pack.push({ root, length, from: object });
      bytes += length;
    }
  }
  if (pack.length > 0) packs.push(pack);
  return packs;
}

function liveBytes(live: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const length of live.values()) sum += length;
  return sum;
}
