import { z } from 'zod';

import { dropBody, FleetseedError, httpRequest, ServiceInfo } from '#lib/contracts';
import { deadline } from '#lib/runtime';

import type { OriginApi } from '../connection/origin-api.js';
import { durationText } from '../output/quantities.js';
import type { CheckResult } from './check.types.js';

const TIMEOUT_MS = 10_000;
/** The Date header has whole seconds, and the answer was under way. */
const GOOD_SKEW_MS = 5_000;
/** Challenges of agents are valid for a minute. */
const BAD_SKEW_MS = 60_000;

export async function checkOrigin(api: OriginApi): Promise<CheckResult> {
  try {
    const { version } = await api.get('/service', ServiceInfo);
    return {
      check: 'origin',
      state: 'ok',
      detail: `${api.client.origin} answers, version ${version}`,
    };
  } catch (error) {
    return failed('origin', error);
  }
}

/** Sessions and keys end by the clock, so one that is wrong looks like a wrong token. */
export async function checkClock(api: OriginApi, now: () => number): Promise<CheckResult> {
  try {
    const sentAt = now();
    const { headers, body } = await httpRequest(`${api.client.origin}/api/v1/service`, {
      connections: api.client.connections,
      signal: deadline(TIMEOUT_MS),
    });
    await dropBody(body);
    const theirs = Date.parse(String(headers['date']));
    if (Number.isNaN(theirs)) {
      return { check: 'clock', state: 'skipped', detail: 'the origin does not tell its time' };
    }
    return judgeSkew((sentAt + now()) / 2 - (theirs + 500));
  } catch (error) {
    return failed('clock', error);
  }
}

/** @param skewMs how far the clock here is ahead of the origin's */
export function judgeSkew(skewMs: number): CheckResult {
  const off = Math.abs(skewMs);
  if (off <= GOOD_SKEW_MS) {
    return { check: 'clock', state: 'ok', detail: "agrees with the origin's" };
  }
  const detail = `is ${durationText(off / 1000)} ${skewMs > 0 ? 'ahead of' : 'behind'} the origin's`;
  return { check: 'clock', state: off > BAD_SKEW_MS ? 'failed' : 'warning', detail };
}

const WhoAmI = z.object({ name: z.string(), scopes: z.array(z.string()) });

export async function checkToken(api: OriginApi): Promise<CheckResult> {
  try {
    const { name, scopes } = await api.get('/whoami', WhoAmI);
    return {
      check: 'token',
      state: 'ok',
      detail: `"${name}" may: ${scopes.join(', ') || 'nothing'}`,
    };
  } catch (error) {
    return failed('token', error);
  }
}

function failed(check: CheckResult['check'], error: unknown): CheckResult {
  const text = error instanceof Error ? error.message.replace(/\.$/, '') : String(error);
  const code = error instanceof FleetseedError ? ` (${error.code})` : '';
  return { check, state: 'failed', detail: `${text}${code}` };
}
