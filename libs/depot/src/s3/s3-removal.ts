import { DeleteObjectCommand, DeleteObjectsCommand } from '@aws-sdk/client-s3';

import type { S3Door } from './s3-door.js';
import { failureOf, unavailable } from './s3-errors.js';
import { walk } from './s3-listing.js';

const BATCH = 1000;

/** Removes one object; none is no error. */
export async function removeKey(door: S3Door, key: string): Promise<void> {
  await door.run(key, async ({ client, signal }) => {
    try {
      await client.send(new DeleteObjectCommand(door.at(key)), { abortSignal: signal });
    } catch (error) {
      if (failureOf(error) !== 'absent') throw error;
    }
  });
}

/** Removes everything below `folder`, which ends in a slash. */
export async function removeFolder(door: S3Door, folder: string): Promise<void> {
  let batch: string[] = [];
  for await (const key of walk(door, { prefix: folder })) {
    batch.push(key);
    if (batch.length < BATCH) continue;
    await removeBatch(door, batch);
    batch = [];
  }
  if (batch.length > 0) await removeBatch(door, batch);
}

async function removeBatch(door: S3Door, keys: readonly string[]): Promise<void> {
  const first = keys[0]!;
  await door.run(first, async ({ client, signal }) => {
    const command = new DeleteObjectsCommand({
      Bucket: door.bucket,
      Delete: { Quiet: true, Objects: keys.map((key) => ({ Key: door.at(key).Key })) },
    });
    const { Errors: errors = [] } = await client.send(command, { abortSignal: signal });
    // Each key has a fate of its own; those that failed are tried again when the folder is swept.
    const failed = errors.find(({ Code }) => Code !== 'NoSuchKey');
    if (failed) throw unavailable(first, new Error(failed.Code ?? 'not deleted'));
  });
}
