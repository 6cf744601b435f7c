import { readFileSync } from 'node:fs';

import { configurationError } from '#lib/contracts';

import type { OriginConfig } from '../config/origin-config.schema.js';

/** Who is told what happens, and the secret that proves who tells it. */
export interface WebhookTarget {
  readonly url: string;
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
  if (secret.length >= LEAST_SECRET_BYTES) return { url: webhookUrl, secret };
  const reason = `must hold at least ${LEAST_SECRET_BYTES} bytes`;
  throw configurationError('webhookSecretFile', reason);
}
