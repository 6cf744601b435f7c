import { createHash } from 'node:crypto';

import { FleetseedError } from '#lib/contracts';
import { allKeys, uploadKey, type Depot } from '#lib/depot';
import { sideBySide } from '#lib/runtime';

import { decodePartHashes, encodePartHashes, type PartHashes } from './part-hashes.js';
import type { PlanObject } from './upload-record.js';

const READS_AT_ONCE = 16;
const NAME = /^(\d+)-[0-9a-f]+$/;

/** Of an object to be sent: its name, and where its bytes gather. */
export type Gathering = Pick<PlanObject, 'object' | 'source'>;

/**
 * The hashes of parts that came in: `uploads/<id>/hashes/<object>-<gathering>/<part>-<digest>`, where the
 * digest is of the hashes, and the gathering one try of the object: what is known of the bytes of an
 * earlier one, or of such as nobody has read yet, says nothing of these.
 *
 * Written before the part counts as received, so those of a part that is there are among them. A
 * part may be sent to two replicas at once, and only the depot decides whose bytes count: if they
 * differ, nobody can tell which hashes belong to the bytes, and the part is not to be trusted.
 */
export class UploadHashes {
  constructor(private readonly depot: Depot) {}

  async write(id: string, gathering: Gathering, part: number, hashes: PartHashes): Promise<void> {
    const bytes = encodePartHashes(hashes);
    const digest = createHash('sha256').update(bytes).digest('hex').slice(0, 32);
    await this.depot.putObject(`${folderOf(id, gathering)}${part}-${digest}`, [bytes]);
  }

  /**
   * Of all parts of an object, in their order.
   * @throws DEPOT_INTEGRITY if some are gone; ROOT_MISMATCH if a part was sent with different bytes
   */
  async read(id: string, gathering: Gathering, parts: number): Promise<PartHashes[]> {
    const { object } = gathering;
    const keys: string[] = [];
    for await (const [part, key] of this.#keys(id, gathering)) {
      if (keys[part] !== undefined) throw ambiguous(id, object, part);
      keys[part] = key;
    }
    const hashes: PartHashes[] = [];
    await sideBySide(Array.from({ length: parts }).keys(), READS_AT_ONCE, async (part) => {
      const key = keys[part];
      if (key === undefined) throw lost(id, object, part);
      hashes[part] = decodePartHashes(await this.depot.readObject(key));
    });
    return hashes;
  }

  /** The parts of an object that there are hashes of. */
  async parts(id: string, gathering: Gathering): Promise<Set<number>> {
    const parts = new Set<number>();
    for await (const [part] of this.#keys(id, gathering)) parts.add(part);
    return parts;
  }

  /** Forgets those of an object whose parts are sent anew. */
  async drop(id: string, gathering: Gathering): Promise<void> {
    for await (const [, key] of this.#keys(id, gathering)) await this.depot.delete(key);
  }

  async *#keys(id: string, gathering: Gathering): AsyncGenerator<[part: number, key: string]> {
    const folder = folderOf(id, gathering);
    for await (const key of allKeys(this.depot, folder)) {
      const part = NAME.exec(key.slice(folder.length))?.[1];
      if (part !== undefined) yield [Number(part), key];
    }
  }
}

function folderOf(id: string, { object, source }: Gathering): string {
  if ('object' in source) return uploadKey(id, `hashes/${object}/`);
  const { handle } = 'parted' in source ? source.parted : source.direct;
  const name = createHash('sha256').update(handle).digest('hex').slice(0, 16);
  return uploadKey(id, `hashes/${object}-${name}/`);
}

function lost(upload: string, object: string, part: number): FleetseedError {
  const facts = { upload, object, part };
  return new FleetseedError('DEPOT_INTEGRITY', 'A part of an upload has lost its hashes.', facts);
}

function ambiguous(upload: string, object: string, part: number): FleetseedError {
  const facts = { upload, object, part };
  const text = 'A part of the upload was sent twice with different bytes; start it again.';
  return new FleetseedError('ROOT_MISMATCH', text, facts);
}
