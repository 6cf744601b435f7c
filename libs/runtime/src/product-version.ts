import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

let known: string | null = null;

/** As package.json says; it lies above this file in the sources as in what is built from them. */
export function productVersion(): string {
  known ??= versionAbove(import.meta.dirname);
  return known;
}

function versionAbove(folder: string): string {
  for (let at = folder; at !== dirname(at); at = dirname(at)) {
    try {
      const found = JSON.parse(readFileSync(join(at, 'package.json'), 'utf8')) as unknown;
      const { name, version } = found as { name?: unknown; version?: unknown };
      if (name === 'fleetseed' && typeof version === 'string') return version;
    } catch {
      // No package.json here: further up.
    }
  }
  return 'unknown';
}
