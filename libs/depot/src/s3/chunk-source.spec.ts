import { describe, expect, it } from 'vitest';

import { ChunkSource } from './chunk-source.js';

const bytesOf = (text: string) => Buffer.from(text);
const never = new AbortController().signal;

function sourceOf(chunks: AsyncIterable<Buffer> | Iterable<Buffer>, length?: number): ChunkSource {
  return new ChunkSource('key', chunks, { length, signal: never });
}

async function given(source: ChunkSource): Promise<string[]> {
  const texts: string[] = [];
  for (let next = await source.next(); next; next = await source.next()) {
    texts.push(next.toString());
  }
  return texts;
}

describe('a source of chunks', () => {
  it('gives all of them, and then nothing, however often it is asked', async () => {
    const source = sourceOf([bytesOf('a'), bytesOf(''), bytesOf('bc')], 3);
    expect(await given(source)).toEqual(['a', 'bc']);
    expect(await source.next()).toBeNull();
    expect(source.length).toBe(3);
  });

  it('holds the last bytes back when their producer says afterwards that they are wrong', async () => {
    const wrong = new Error('wrong hash');
    async function* producer() {
      yield bytesOf('first');
      yield bytesOf('last');
      throw wrong;
    }
    const source = sourceOf(producer());
    expect((await source.next())?.toString()).toBe('first');
    await expect(source.next()).rejects.toBe(wrong);
    expect(source.failure).toEqual({ error: wrong });
  });

  it.each([
    [['12345'], 4],
    [['123', '45'], 4],
    [['123'], 4],
    [[], 1],
  ])(
    'gives nothing but what comes before too many or too few bytes: %j of %i',
    async (texts, n) => {
      const source = sourceOf(texts.map(bytesOf), n);
      const all = given(source);
      await expect(all).rejects.toMatchObject({ code: 'DEPOT_LENGTH_MISMATCH' });
    },
  );

  it('tells a producer that nobody wants more', async () => {
    let isStopped = false;
    async function* producer() {
      try {
        for (;;) yield bytesOf('x');
      } finally {
        isStopped = true;
      }
    }
    const source = sourceOf(producer());
    await source.next();
    await source.close();
    expect(isStopped).toBe(true);
    // Nobody has said that what was held back is right.
    await expect(source.next()).rejects.toThrow('No more is wanted');
  });

  it('does not wait for a producer that is silent', async () => {
    async function* producer() {
      yield bytesOf('x');
      await new Promise(() => {});
    }
    const source = sourceOf(producer());
    const waiting = source.next().catch((error: unknown) => error);
    await source.close();
    expect(await waiting).toBeInstanceOf(Error);
  });
});
