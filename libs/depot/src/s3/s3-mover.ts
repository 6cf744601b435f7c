import { CopyObjectCommand } from '@aws-sdk/client-s3';

import { sideBySide } from '#lib/runtime';

import { notFound } from '../depot-checks.js';
import type { S3Door, S3Try } from './s3-door.js';
import { failureOf, unavailable } from './s3-errors.js';
import { copySource, LARGEST_PART, MOST_PARTS, S3Multipart } from './s3-multipart.js';
import type { S3Reads } from './s3-reads.js';
import { removeKey } from './s3-removal.js';

const COPIED_PART = 1024 ** 3;
const COPIED_AT_ONCE = 4;

/** Gives objects other keys: the store copies by itself, then the old key is removed. */
export class S3Mover {
  constructor(
    private readonly door: S3Door,
    private readonly reads: S3Reads,
    private readonly copyLimit = LARGEST_PART,
  ) {}

  /** @throws NOT_FOUND */
  async move(from: string, to: string): Promise<void> {
    const length = await this.reads.stat(from);
    if (length === null) throw notFound(from);
    if (from === to) return;
    if (length <= this.copyLimit) await this.#copy(from, to, length);
    else await this.#copyParts(from, to, length);
    await removeKey(this.door, from);
  }

  async #copy(from: string, to: string, length: number): Promise<void> {
    const copy = async ({ client, signal }: S3Try) => {
      const about = { ...this.door.at(to), CopySource: copySource(this.door, from) };
      try {
        await client.send(new CopyObjectCommand(about), { abortSignal: signal });
      } catch (error) {
        if (failureOf(error) === 'absent') throw notFound(from, error);
        throw error;
      }
    };
    await this.door.run(to, copy, { timeoutMs: this.door.timeoutFor(length) });
  }

  async #copyParts(from: string, to: string, length: number): Promise<void> {
    const upload = await S3Multipart.begin(this.door, to);
    const part = Math.max(Math.min(COPIED_PART, this.copyLimit), Math.ceil(length / MOST_PARTS));
    const etags: string[] = [];
    try {
      const numbers = Array.from({ length: Math.ceil(length / part) }, (_, index) => index);
      await sideBySide(numbers, COPIED_AT_ONCE, async (index) => {
        const offset = index * part;
        const range = { offset, length: Math.min(part, length - offset) };
        etags[index] = (await upload.copy(index + 1, from, range)) ?? this.#ended(to);
      });
      if ((await upload.complete(etags, length)) !== 'done') this.#ended(to);
    } catch (error) {
      await upload.abort().catch(() => undefined);
      throw error;
    }
  }

  #ended(key: string): never {
    throw unavailable(key, new Error('the copy was ended by somebody else'));
  }
}
