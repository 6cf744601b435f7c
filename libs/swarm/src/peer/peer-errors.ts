import { FleetseedError, type ErrorFacts } from '#lib/contracts';

/** The peer sent what no correct peer sends: the connection is to be closed. */
export function protocolError(what: string, facts: ErrorFacts = {}): FleetseedError {
  return new FleetseedError('WIRE_INVALID', `The peer broke the protocol: ${what}.`, facts);
}

/** We do not serve this peer, through no fault of the protocol. */
export function peerRefused(why: string, facts: ErrorFacts = {}): FleetseedError {
  return new FleetseedError('PEER_REFUSED', `The peer is refused: ${why}.`, facts);
}

/** The peer does nothing wrong, and nothing for us: another may take its place. */
export function ofNoUse(why: string): FleetseedError {
  return peerRefused(why, { useless: true });
}
