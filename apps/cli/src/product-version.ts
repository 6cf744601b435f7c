import { readFileSync } from 'node:fs';

/** As package.json says; it lies above this file in the sources as in what is built from them. */
export function productVersion(): string {
  for (let at = new URL('./', import.meta.url); at.pathname !== '/'; at = new URL('../', at)) {
    try {
      const found = JSON.parse(readFileSync(new URL('package.json', at), 'utf8')) as unknown;
      const { name, version } = found as { name?: unknown; version?: unknown };
      if (name === 'fleetseed' && typeof version === 'string') return version;
    } catch {
      // Not in this folder: further up.
    }
  }
  return 'unknown';
}
