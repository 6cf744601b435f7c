import type { z } from 'zod';

/** One kind of message between replicas: its name, and what its body has to be. */
export interface ReplicaTopic<T> {
  readonly name: string;
  readonly schema: z.ZodType<T>;
}

/** @param name short and the same in every build that should understand it */
export function replicaTopic<T>(name: string, schema: z.ZodType<T>): ReplicaTopic<T> {
  return { name, schema };
}
