import { isAbsolute, join } from 'node:path';

import type { z } from 'zod';

import { FleetseedError, knownCode, systemErrorCode } from '#lib/contracts';

// As its own import it would load what Node keeps for later.
const { request } = process.getBuiltinModule('node:http');

const TIMEOUT_MS = 10_000;

export interface AgentPlace {
  /** The agent's data folder, and its socket when that is elsewhere; as the agent itself was told. */
  readonly data?: string;
  readonly localApi?: string;
}

/** Where the agent's socket is, by the same options, variables and defaults as the agent's own. */
export function agentSocketOf(
  { data, localApi }: AgentPlace,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const folder = data ?? (environment['FLEETSEED_DATA'] || 'fleetseed-agent');
  const socket = localApi ?? (environment['FLEETSEED_LOCAL_API'] || 'agent.sock');
  return isAbsolute(socket) ? socket : join(folder, socket);
}

/**
 * One call of the local API of an agent on this machine.
 * @throws FleetseedError AGENT_UNREACHABLE when nobody answers there, and what the agent answers
 */
export async function askAgent<T extends z.ZodType>(
  socketPath: string,
  call: { readonly method: 'GET' | 'PATCH'; readonly path: string; readonly json?: unknown },
  answer: T,
  signal: AbortSignal,
): Promise<z.output<T>> {
  const { method, path, json } = call;
  const body = json === undefined ? '' : JSON.stringify(json);
  const { status, text } = await exchange({ socketPath, method, path, body, signal });
  const value = valueOf(text);
  if (status === 200) return answer.parse(value);
  const { code = 'INTERNAL', detail = `The agent answers ${status}.` } = (value ?? {}) as {
    code?: string;
    detail?: string;
  };
  throw new FleetseedError(knownCode(code), detail);
}

interface Exchange {
  readonly socketPath: string;
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly signal: AbortSignal;
}

function exchange({ body, signal, ...where }: Exchange): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const until = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const sent = request({ ...where, signal: until }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', reject);
    });
    sent.on('error', (error) => {
      const why = systemErrorCode(error) ?? error.name;
      const message = `No agent answers at ${where.socketPath} (${why}).`;
      const hint = 'name its folder with --data, as the agent was started with';
      const facts = { socket: where.socketPath, hint };
      reject(new FleetseedError('AGENT_UNREACHABLE', message, facts, { cause: error }));
    });
    sent.end(body);
  });
}

function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
