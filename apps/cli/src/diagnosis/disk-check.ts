import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';

import { systemErrorCode } from '#lib/contracts';

import { bytesText, percentText } from '../output/quantities.js';
import type { CheckResult } from './check.types.js';

const LITTLE_BYTES = 1024 ** 3;
const LITTLE_SHARE = 0.05;

/** Whether there is room in the folder that downloads would go to, and whether it may be written. */
export async function checkDisk(folder: string): Promise<CheckResult> {
  try {
    await access(folder, constants.W_OK);
    const { bavail, blocks, bsize } = await statfs(folder);
    return judgeSpace(folder, bavail * bsize, blocks * bsize);
  } catch (error) {
    const detail = `${folder} cannot be used (${systemErrorCode(error) ?? String(error)})`;
    return { check: 'disk', state: 'failed', detail };
  }
}

/** @param free bytes that this user may still write; @param total bytes of the file system */
export function judgeSpace(folder: string, free: number, total: number): CheckResult {
  const share = total === 0 ? 0 : free / total;
  const little = free < LITTLE_BYTES || share < LITTLE_SHARE;
  const detail = `${bytesText(free)} free (${percentText(share)}) at ${folder}`;
  return { check: 'disk', state: little ? 'warning' : 'ok', detail };
}
