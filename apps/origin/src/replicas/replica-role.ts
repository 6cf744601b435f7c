import { z } from 'zod';

/** What a replica does: answers the API, the tracker, peers, or works off jobs. */
export const ReplicaRole = z.enum(['api', 'tracker', 'seed', 'work']);
export type ReplicaRole = z.infer<typeof ReplicaRole>;
