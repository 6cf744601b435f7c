import { readFileSync } from 'node:fs';

import { configurationError } from '#lib/contracts';

import type { OriginConfig } from '../config/origin-config.schema.js';

/** Who is told what happens, and the secret that proves who tells it. */
export interface WebhookTarget {
  /** Without user and password. */
  readonly url: string;
  /** What those were, as a header. */
  readonly authorization?: string;
  readonly secret: Buffer;
}

/** Injection token of the {@link WebhookTarget}, or null. */
export const WEBHOOK_TARGET = Symbol('WebhookTarget');

const LEAST_SECRET_BYTES = 16;

/** @throws CONFIG_INVALID that names the setting */
export function webhookTargetOf({
  webhookUrl,
  webhookSecretFile,
}: Pick<OriginConfig, 'webhookUrl' | 'webhookSecretFile'>): WebhookTarget | null {
  if (webhookUrl === undefined || webhookSecretFile === undefined) return null;
  let text: string;
  try {
    text = readFileSync(webhookSecretFile, 'utf8').trim();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw configurationError('webhookSecretFile', `cannot be read: ${reason}`, cause);
  }
  const secret = Buffer.from(text);
  if (secret.length >= LEAST_SECRET_BYTES) return { ...addressOf(webhookUrl), secret };
  const reason = `must hold at least ${LEAST_SECRET_BYTES} bytes`;
  throw configurationError('webhookSecretFile', reason);
}

/** `fetch` refuses a URL with a password, and shows it in the error. */
function addressOf(text: string): Omit<WebhookTarget, 'secret'> {
  const url = new URL(text);
  const { username, password } = url;
  if (username === '' && password === '') return { url: text };
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  url.username = '';
  url.password = '';
  const authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
  return { url: url.href, authorization };
}
