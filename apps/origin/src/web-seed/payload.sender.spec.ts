import { PassThrough, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { describe, expect, it } from 'vitest';

import { CHUNK_BYTES, sendPayload } from './payload.sender.js';

const payload = Buffer.from(Array.from({ length: 3 * CHUNK_BYTES + 17 }, (_, each) => each * 31));

function source(reads: number[] = []) {
  return {
    reads,
    async read(offset: number, target: Uint8Array) {
      reads.push(offset);
      payload.copy(target, 0, offset, offset + target.length);
    },
  };
}

describe('sendPayload', () => {
  it('sends exactly the range and counts every byte', async () => {
    for (const [offset, length] of [
      [0, payload.length],
      [5, CHUNK_BYTES],
      [CHUNK_BYTES - 1, CHUNK_BYTES + 2],
      [7, 0],
    ] as const) {
      const receiver = new PassThrough();
      const received = buffer(receiver);
      let sent = 0;
      const onSent = (bytes: number) => void (sent += bytes);
      expect(await sendPayload(source(), offset, length, receiver, { onSent })).toBe(true);
      receiver.end();
      expect((await received).equals(payload.subarray(offset, offset + length))).toBe(true);
      expect(sent).toBe(length);
    }
  });

  it('reads no more than one chunk ahead of a slow receiver', async () => {
    const taken: (() => void)[] = [];
    const receiver = new Writable({
      highWaterMark: 1,
      write: (_chunk, _encoding, done) => void taken.push(done),
    });
    const { reads, ...reader } = source();
    const sending = sendPayload(reader, 0, payload.length, receiver, { onSent: () => undefined });
    await new Promise(setImmediate);
    expect(reads).toEqual([0, CHUNK_BYTES]);
    receiver.destroy();
    expect(await sending).toBe(false);
    expect(reads).toHaveLength(2);
  });

  it('fails with the error of a read', async () => {
    const broken = { read: () => Promise.reject(new Error('disk')) };
    const receiver = new PassThrough();
    await expect(sendPayload(broken, 0, 10, receiver, { onSent: () => undefined })).rejects.toThrow(
      'disk',
    );
  });
});
