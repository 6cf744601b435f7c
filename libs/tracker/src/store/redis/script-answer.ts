import type { PeerRecord, SwarmCounts } from '../peer-store.js';
import { decodeRecord } from './record.codec.js';

/** What the scripts answer. */
export interface ScriptAnswer {
  readonly counts: SwarmCounts;
  readonly stored: boolean;
  /** Until when the list of swarms is to have this one, ms; 0 when it is there. */
  readonly listed: number;
  readonly members: readonly string[];
  /** Of the members. */
  readonly records: readonly PeerRecord[];
  readonly loads: readonly number[];
}

const HEAD = 7;
const EACH = 4;

/** @param now of this process, ms: scripts tell how long records live, so that clocks need not agree. */
export function readAnswer(answer: unknown, now: number): ScriptAnswer {
  const told = answer as (string | number)[];
  const [complete, downloading, paused, origins, completions, stored, listed] = told as number[];
  const members: string[] = [];
  const records: PeerRecord[] = [];
  const loads: number[] = [];
  for (let at = HEAD; at < told.length; at += EACH) {
    const [member, record, load, left] = told.slice(at, at + EACH) as [
      string,
      string,
      string,
      number,
    ];
    members.push(member);
    records.push(decodeRecord(member, record, now + left));
    loads.push(Number(load));
  }
  return {
    counts: {
      complete: complete!,
      downloading: downloading!,
      paused: paused!,
      origins: origins!,
      completions: completions!,
    },
    stored: stored === 1,
    listed: listed!,
    members,
    records,
    loads,
  };
}
