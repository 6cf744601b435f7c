import { FleetseedError, type ErrorFacts } from '#lib/contracts';

/** Bytes of a peer that no correct peer sends: the connection is to be closed. */
export function wireInvalid(what: string, facts: ErrorFacts = {}, cause?: unknown): FleetseedError {
  return new FleetseedError(
    'WIRE_INVALID',
    `The peer broke the protocol: ${what}.`,
    facts,
    cause === undefined ? undefined : { cause },
  );
}
