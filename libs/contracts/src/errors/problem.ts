import { z } from 'zod';

import { FleetseedError, isCallersFault, type ErrorFacts } from './fleetseed.error.js';

/** RFC 9457 problem details, with our stable `code` and the facts behind the sentence. */
export const Problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  code: z.string(),
  detail: z.string(),
  facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).optional(),
});
export type Problem = z.infer<typeof Problem>;

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

/** What the caller is told: our own faults are reduced to a generic sentence. */
export function problemOf(error: FleetseedError): Problem {
  const open = isCallersFault(error);
  const facts: ErrorFacts = open ? error.facts : {};
  return {
    type: `urn:fleetseed:error:${error.code}`,
    title: error.code,
    status: error.status,
    code: error.code,
    detail: open ? error.message : 'Something failed inside the service; its log has the cause.',
    ...(Object.keys(facts).length > 0 ? { facts: { ...facts } } : {}),
  };
}
