import { randomBytes } from 'node:crypto';

import {
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
} from '@aws-sdk/client-s3';

import { FleetseedError } from '#lib/contracts';

import type { S3Door, S3Try } from './s3-door.js';
import { failureOf } from './s3-errors.js';
import { removeKey } from './s3-removal.js';
import { clockError, setUpError, TOLERATED_SKEW_MS, unusable } from './s3-set-up.js';

const RACERS = 8;
const ROUNDS = 3;
const MARK = 'fleetseed-probe';

type Condition = Pick<PutObjectCommandInput, 'IfMatch' | 'IfNoneMatch'>;
type Outcome = { readonly etag: string } | 'refused' | 'put off';

/**
 * Finds out before anything relies on it that the store is there, lets us in, and keeps to the
 * conditions of writes: of racers for a key, and of racers to replace a version, one wins.
 * @throws DEPOT_UNUSABLE naming the setting
 */
export async function probeStore(door: S3Door): Promise<void> {
  const key = `.probe/${randomBytes(8).toString('hex')}`;
  await told(door, () => listOne(door));
  const { skewMs } = door;
  if (skewMs !== null && Math.abs(skewMs) > TOLERATED_SKEW_MS) throw clockError(skewMs);
  try {
    await told(door, () => probeConditions(new Probe(door, key)));
  } finally {
    await removeKey(door, key).catch(() => undefined);
  }
}

async function told(door: S3Door, step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    if (error instanceof FleetseedError && error.code === 'DEPOT_UNUSABLE') throw error;
    throw setUpError(error, door.skewMs);
  }
}

async function listOne(door: S3Door): Promise<void> {
  await door.run('', async ({ client, signal }) => {
    const { Bucket, Key } = door.at('');
    const command = new ListObjectsV2Command({ Bucket, Prefix: Key, MaxKeys: 1 });
    await client.send(command, { abortSignal: signal });
  });
}

async function probeConditions(probe: Probe): Promise<void> {
  const created = await probe.race({ IfNoneMatch: '*' });
  if ((await probe.put('again', { IfNoneMatch: '*' })) !== 'refused') {
    throw ignored('If-None-Match', 'it overwrote what was there');
  }
  await probe.expect(created.text);
  const replaced = await probe.race({ IfMatch: created.etag });
  if ((await probe.put('stale', { IfMatch: created.etag })) !== 'refused') {
    throw ignored('If-Match', 'it replaced another version than was named');
  }
  await probe.expect(replaced.text);
  await probe.remove();
  if ((await probe.put('absent', { IfMatch: replaced.etag })) !== 'refused') {
    throw ignored('If-Match', 'it made what was to be replaced');
  }
}

class Probe {
  constructor(
    private readonly door: S3Door,
    private readonly key: string,
  ) {}

  /** Several writes at once under one condition. @returns the one that won */
  async race(condition: Condition): Promise<{ readonly text: string; readonly etag: string }> {
    const name = condition.IfMatch === undefined ? 'If-None-Match' : 'If-Match';
    for (let round = 0; round < ROUNDS; round++) {
      const texts = Array.from({ length: RACERS }, (_, racer) => `${name} ${round} ${racer}`);
      const outcomes = await Promise.all(texts.map((text) => this.#once(text, condition)));
      const won = outcomes.flatMap((outcome, racer) =>
        typeof outcome === 'string' ? [] : [{ text: texts[racer]!, etag: outcome.etag }],
      );
      if (won.length > 1) throw ignored(name, `${won.length} of ${RACERS} racers won`);
      if (won[0]) return won[0];
      if (outcomes.includes('refused')) throw ignored(name, 'it let nobody win');
    }
    throw ignored(name, 'it let nobody win');
  }

  async put(text: string, condition: Condition): Promise<Outcome> {
    for (let round = 0; round < ROUNDS; round++) {
      const outcome = await this.#once(text, condition);
      if (outcome !== 'put off') return outcome;
    }
    return 'put off';
  }

  /** What is stored, with the metadata that documents are recognised by. */
  async expect(text: string): Promise<void> {
    const found = await this.door.run(this.key, async ({ client, signal }) => {
      const command = new GetObjectCommand(this.door.at(this.key));
      const answer = await client.send(command, { abortSignal: signal });
      return { text: await answer.Body?.transformToString(), mark: answer.Metadata?.[MARK] };
    });
    if (found.text !== text) {
      throw unusable('endpoint', 'the store does not give back at once what was written');
    }
    if (found.mark !== text) throw unusable('endpoint', 'the store does not keep metadata');
  }

  remove(): Promise<void> {
    return removeKey(this.door, this.key);
  }

  async #once(text: string, condition: Condition): Promise<Outcome> {
    const put = async ({ client, signal, number }: S3Try): Promise<Outcome> => {
      const about = { ...this.door.at(this.key), ...condition, Metadata: { [MARK]: text } };
      try {
        const command = new PutObjectCommand({ ...about, Body: Buffer.from(text) });
        const { ETag } = await client.send(command, { abortSignal: signal });
        return { etag: ETag ?? '' };
      } catch (error) {
        const failure = failureOf(error);
        // What is refused at a second try may have been done by the first.
        if (failure === 'unmet' || failure === 'absent') return number > 1 ? 'put off' : 'refused';
        if (error instanceof Error && error.name === 'ConditionalRequestConflict') return 'put off';
        if (error instanceof Error && error.name === 'NotImplemented') {
          throw ignored(Object.keys(condition).join(), 'it does not know it');
        }
        throw error;
      }
    };
    return this.door.run(this.key, put);
  }
}

function ignored(condition: string, how: string): FleetseedError {
  return unusable(
    'endpoint',
    `the store does not honour ${condition} when objects are written (${how}), so two replicas could both win: it cannot keep a depot`,
  );
}
