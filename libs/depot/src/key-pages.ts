import type { Depot, ListOptions } from './depot.js';

/** All keys that begin with `prefix`, a page of at most `limit` after the other. */
export async function* keyPages(
  depot: Pick<Depot, 'list'>,
  prefix: string,
  options: ListOptions = {},
): AsyncGenerator<string[]> {
  for (let page = options; ;) {
    const { keys, next } = await depot.list(prefix, page);
    yield keys;
    if (next === null) return;
    page = { ...options, after: next };
  }
}

/** The same one by one. */
export async function* allKeys(
  depot: Pick<Depot, 'list'>,
  prefix: string,
  options: ListOptions = {},
): AsyncGenerator<string> {
  for await (const keys of keyPages(depot, prefix, options)) yield* keys;
}
