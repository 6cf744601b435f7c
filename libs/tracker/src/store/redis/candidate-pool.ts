import type { Random } from '#lib/runtime';

import { flagsOf, type Standing } from '../candidate-flags.js';
import type { CandidateSet } from '../candidate-set.js';
import { MAX_ORIGINS, type PeerCandidate } from '../peer-store.js';
import { decodeRecord, standingOf } from './record.codec.js';

/** A peer that was drawn, read as far as choosing needs it. */
interface Drawn extends Standing {
  readonly member: string;
  readonly record: string;
  /** As the record has it. */
  readonly peerId: string;
  /** As Redis knew it when it drew. */
  readonly load: number;
  /** How long it lives, ms. */
  readonly left: number;
}

/** What was drawn for a zone. */
interface ZonePool {
  readonly near: Drawn[];
  readonly far: Drawn[];
}

/** Who asks, as a pool wants to know it. */
export interface Asker {
  readonly member: string;
  readonly self: Standing;
  /** As a record has it. */
  readonly peerId: string;
  /** Most candidates besides the origins. */
  readonly sample: number;
}

const HEAD = 7;

/** The candidates that one call of the announce script drew for all who announced in it. */
export class CandidatePool {
  readonly #origins: Drawn[];
  readonly #zones = new Map<string, ZonePool>();
  /** Those in the set, by place. */
  #placed: Drawn[] = [];

  /** @param answer of the script, from whose eighth part on the candidates are. */
  constructor(
    answer: readonly unknown[],
    private readonly random: Random,
  ) {
    this.#origins = readDrawn(answer[HEAD] as string | undefined);
    for (let at = HEAD + 1; at < answer.length; at += 3) {
      const [zone, near, far] = answer.slice(at, at + 3) as [string, string, string];
      this.#zones.set(zone, { near: readDrawn(near), far: readDrawn(far) });
    }
  }

  /**
   * Fills the set with what one of them may be told of.
   * @param loadOf what was handed out since Redis was told
   */
  fill(set: CandidateSet, asker: Asker, loadOf: (member: string) => number): void {
    const { near, far } = this.#zones.get(asker.self.zone) ?? { near: [], far: [] };
    const [others, elsewhere] = [this.#without(asker, near), this.#without(asker, far)];
    const half = asker.self.zone === '' ? 0 : Math.floor(asker.sample / 2);
    const wantNear = Math.min(others.length, Math.max(half, asker.sample - elsewhere.length));
    const wantFar = Math.min(elsewhere.length, asker.sample - wantNear);
    this.#placed = this.#without(asker, this.#origins).slice(0, MAX_ORIGINS);
    this.#take(others, wantNear);
    this.#take(elsewhere, wantFar);
    // The same client at another address is no candidate.
    this.#placed = this.#placed.filter(({ peerId }) => peerId !== asker.peerId);
    set.clear();
    for (const drawn of this.#placed) {
      set.loads[set.length] = drawn.load + loadOf(drawn.member);
      set.flags[set.length++] = flagsOf(asker.self, drawn);
    }
  }

  /**
   * What was chosen from the set, with the loads before.
   * @param now of this process, ms.
   */
  take(set: CandidateSet, now: number): { members: string[]; picked: PeerCandidate[] } {
    const members: string[] = [];
    const picked: PeerCandidate[] = [];
    for (let at = 0; at < set.chosenLength; at++) {
      const drawn = this.#placed[set.chosen[at]!]!;
      const { member, record, left } = drawn;
      members.push(member);
      const load = set.loads[set.chosen[at]!]!;
      picked.push({ ...decodeRecord(member, record, now + left), load });
    }
    return { members, picked };
  }

  #without({ member }: Asker, drawn: Drawn[]): Drawn[] {
    return drawn.some((each) => each.member === member)
      ? drawn.filter((each) => each.member !== member)
      : drawn;
  }

  /** As many, each as likely: their order in the pool changes, and means nothing. */
  #take(from: Drawn[], count: number): void {
    for (let at = 0; at < count; at++) {
      const other = at + Math.floor(this.random() * (from.length - at));
      [from[at], from[other]] = [from[other]!, from[at]!];
      this.#placed.push(from[at]!);
    }
  }
}

function readDrawn(text: string | undefined): Drawn[] {
  if (!text) return [];
  return text.split('\u0001').map((each) => {
    const [head = '', rack = '', , load = '', left = '', member = ''] = each.split('\0');
    const record = each.slice(0, -(load.length + left.length + member.length + 3));
    const standing = standingOf(head, rack);
    return { ...standing, member, record, load: Number(load), left: Number(left) };
  });
}
