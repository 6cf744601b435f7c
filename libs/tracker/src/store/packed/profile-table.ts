import type { PeerKind } from '../peer-store.js';

/** What peers of one caller have in common; a whole fleet of strangers without a key is one. */
export interface Profile {
  readonly kind: PeerKind;
  readonly caller: string;
  readonly zone: string;
  readonly rack: string;
  /** Numbers of the texts; 0 is `''`. */
  readonly zoneId: number;
  readonly rackId: number;
  readonly rank: number;
  readonly number: number;
  /** Hosts that have it. */
  uses: number;
}

export interface ProfileFacts {
  readonly kind: PeerKind;
  readonly caller: string;
  readonly zone: string;
  readonly rack: string;
}

/** Profiles and labels by number, each kept once and for as long as a host has it. */
export class ProfileTable {
  readonly #profiles: (Profile | undefined)[] = [];
  readonly #free: number[] = [];
  /** Few each: a machine has others for a while when its labels change. */
  readonly #byCaller = new Map<string, Profile[]>();
  readonly #labels = new Labels();
  #last: Profile | null = null;

  at(number: number): Profile {
    return this.#profiles[number]!;
  }

  /** The profile of these facts; a new one has no use yet and goes when {@link release} finds it unused. */
  of(facts: ProfileFacts): Profile {
    const last = this.#last;
    return last && isOf(last, facts) ? last : (this.#last = this.#find(facts));
  }

  #find(facts: ProfileFacts): Profile {
    const { kind, caller, zone, rack } = facts;
    const ofCaller = this.#byCaller.get(caller) ?? [];
    const known = ofCaller.find((each) => isOf(each, facts));
    if (known) return known;
    const profile: Profile = {
      kind,
      caller,
      zone,
      rack,
      zoneId: this.#labels.take(zone),
      rackId: this.#labels.take(rack),
      rank: kind !== 'stranger' ? 2 : caller === '' ? 0 : 1,
      number: this.#free.pop() ?? this.#profiles.length,
      uses: 0,
    };
    this.#profiles[profile.number] = profile;
    this.#byCaller.set(caller, [...ofCaller, profile]);
    return profile;
  }

  release(profile: Profile): void {
    if (profile.uses > 0) return;
    const { caller, zone, rack } = profile;
    const others = this.#byCaller.get(caller)!.filter((each) => each !== profile);
    if (others.length === 0) this.#byCaller.delete(caller);
    else this.#byCaller.set(caller, others);
    this.#labels.give(zone);
    this.#labels.give(rack);
    this.#profiles[profile.number] = undefined;
    this.#free.push(profile.number);
    if (this.#last === profile) this.#last = null;
  }
}

function isOf(profile: Profile, { kind, caller, zone, rack }: ProfileFacts): boolean {
  return (
    profile.caller === caller &&
    profile.kind === kind &&
    profile.zone === zone &&
    profile.rack === rack
  );
}

/** Texts as small numbers, counted so that a number can be given to another text. */
class Labels {
  readonly #known = new Map<string, { id: number; uses: number }>();
  readonly #free: number[] = [];
  #next = 1;

  take(text: string): number {
    if (text === '') return 0;
    const known = this.#known.get(text);
    if (known) {
      known.uses++;
      return known.id;
    }
    const id = this.#free.pop() ?? this.#next++;
    this.#known.set(text, { id, uses: 1 });
    return id;
  }

  give(text: string): void {
    const known = this.#known.get(text);
    if (!known || --known.uses > 0) return;
    this.#known.delete(text);
    this.#free.push(known.id);
  }
}
