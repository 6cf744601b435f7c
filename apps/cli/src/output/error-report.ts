import { toFleetseedError, type ErrorCode, type FleetseedError } from '#lib/contracts';

import type { OutputHost } from './output.js';
import { printable } from './printable.js';

/** What to do about an error, for those where a person can do something. */
const HINTS: Partial<Record<ErrorCode, string>> = {
  TOKEN_MISSING: 'give --token-file FILE or set FLEETSEED_TOKEN',
  TOKEN_INVALID:
    'the origin does not know this token: check --token-file or FLEETSEED_TOKEN, and that it is for this origin',
  TOKEN_EXPIRED: 'an administrator makes a new one with: fleetseed token create NAME --scope SCOPE',
  FORBIDDEN: 'fleetseed doctor shows the scopes of the token in use',
  ORIGIN_UNREACHABLE:
    'check the URL and that the origin runs; behind a private authority give --ca-file',
  INSECURE_HTTP_REFUSED: 'use https://, or start the origin with --insecure-http',
  VERSION_TAKEN:
    'a version is bound to its content for ever: push other content under a new version',
  TREE_CHANGED: 'something still writes there: push when the build has finished',
  TREE_UNRESTORABLE: 'remove these entries, or push a folder without them',
  UPLOAD_EXPIRED: 'push again: it begins anew',
  PRECONDITION_FAILED: 'somebody was faster: look at it again, then repeat',
  NO_PEERS: 'fleetseed doctor checks whether the peer ports can be reached',
  NO_SPACE: 'free some space, or choose another folder',
  DEPOT_FULL: "the origin's depot is full: free some space there",
  JOIN_REFUSED: 'an administrator makes a new join token with: fleetseed token join NAME',
};

/**
 * Tells about a failure: one line on stderr and, where there is one, a hint; with `--json` also an
 * object on stdout. `facts.hint` of an error goes before the general hint of its code.
 *
 * @returns the exit code
 */
export function reportError(thrown: unknown, json: boolean, host: OutputHost): number {
  const error = toFleetseedError(thrown);
  host.stderr.write(`${errorText(error)}\n`);
  if (host.env['FLEETSEED_DEBUG'] && thrown instanceof Error) {
    host.stderr.write(`${stackOf(thrown)}\n`);
  }
  if (json) {
    const report = { error: { code: error.code, detail: error.message } };
    host.stdout.write(`${JSON.stringify(report)}\n`);
  }
  return error.exit;
}

/** `error: … (CODE)` and, on a second line, the hint. */
export function errorText(error: FleetseedError): string {
  const line = `error: ${printable(error.message)} (${error.code})`;
  const own = error.facts['hint'];
  const hint = typeof own === 'string' ? own : HINTS[error.code];
  return hint === undefined ? line : `${line}\nhint: ${printable(hint)}`;
}

function stackOf(thrown: Error): string {
  const cause = thrown.cause instanceof Error ? `\ncaused by ${stackOf(thrown.cause)}` : '';
  return `${thrown.stack ?? thrown.message}${cause}`;
}
