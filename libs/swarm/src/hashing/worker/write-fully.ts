import { writeSync } from 'node:fs';

import type { OpenFile } from '../hash-job.types.js';

/** A short write is followed by another, which then tells why. */
export function writeFully({ descriptor, position }: OpenFile, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(descriptor, bytes, done, bytes.length - done, position + done);
  }
}
