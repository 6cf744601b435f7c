import { createHmac } from 'node:crypto';

/**
 * `t=<seconds since the epoch>,v1=<hex>`: HMAC-SHA256 over `<t>.<body>`. The time is signed too, so
 * that a receiver may refuse what is old and was replayed.
 */
export function signatureOf(secret: Uint8Array, atMs: number, body: string): string {
  const seconds = Math.floor(atMs / 1000);
  const mac = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
  return `t=${seconds},v1=${mac}`;
}
