import { createHmac } from 'node:crypto';

export const ZONE_MARK_BYTES = 8;

const CONTEXT = Buffer.from('fleetseed-zone-1', 'latin1');

/**
 * What a machine tells of where it stands: members in the same zone tell the same, and to nobody else
 * does it say anything. Nothing is granted for it, so that it needs no proof.
 *
 * @param infoHashV2 the full 32 bytes
 */
export function zoneMark(swarmSecret: Uint8Array, infoHashV2: Buffer, zone: string): Buffer {
  return createHmac('sha256', swarmSecret)
    .update(CONTEXT)
    .update(infoHashV2)
    .update(zone, 'utf8')
    .digest()
    .subarray(0, ZONE_MARK_BYTES);
}
