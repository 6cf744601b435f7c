import { z } from 'zod';

import { replicaTopic } from '../replicas/replica-topic.js';

/** Somebody was given a ticket for an artifact, and will come to all seeders that it names. */
export const ArtifactWanted = replicaTopic(
  'artifact-wanted',
  z.object({ artifact: z.string().regex(/^[0-9a-f]{64}$/) }),
);
