import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { z } from 'zod';

const Package = z.looseObject({ name: z.string(), version: z.string() });

/** Of package.json, which lies above this file in the sources as in what is built from them. */
export const SERVICE_VERSION = versionAbove(import.meta.dirname);

function versionAbove(folder: string): string {
  for (let at = folder; at !== dirname(at); at = dirname(at)) {
    try {
      const found = Package.parse(JSON.parse(readFileSync(join(at, 'package.json'), 'utf8')));
      if (found.name === 'fleetseed') return found.version;
    } catch {
      // No package.json here, or somebody else's: look further up.
    }
  }
  return '0.0.0';
}
