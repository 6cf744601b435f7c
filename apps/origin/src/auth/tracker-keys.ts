import { Inject, Injectable } from '@nestjs/common';

import { FleetseedError, TargetId } from '#lib/contracts';
import { randomSecret, type Clock } from '#lib/runtime';

import { CLOCK } from '../config/start-context.js';
import { MasterSecret } from '../depot/master-secret.js';
import type { Principal } from './principal.js';
import { secretHash } from './token-codec.js';
import { TokenStore } from './token-store.js';
import { decodeTrackerKey, encodeTrackerKey, type TrackerKeyFacts } from './tracker-key.codec.js';

/** What a valid key allows. */
export interface TrackerGrant {
  readonly holder: 'target' | 'token';
  /** The target's id, or the API token's (`admin` for the admin token). */
  readonly id: string;
  /** The only artifact the key opens, or null for every one. */
  readonly artifact: string | null;
}

export interface MintOptions {
  readonly artifact: string | null;
  /** Milliseconds since the epoch; the key ends with its holder's token if that is earlier. */
  readonly expiresAt: number;
}

const LABEL = 'fleetseed-tracker-key-1';

/**
 * Keys in announce and web seed URLs. They are signed with the depot's master secret, so every
 * replica can check them; those of API tokens end when the token is revoked.
 */
@Injectable()
export class TrackerKeys {
  readonly #sign: (text: string) => Buffer;
  /** By what a key says of itself: one that comes with every announce is not looked into each time. */
  readonly #grants = new WeakMap<TrackerKeyFacts, TrackerGrant>();

  constructor(
    master: MasterSecret,
    private readonly tokens: TokenStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.#sign = (text) => master.derive(LABEL, text);
  }

  /** A key for a program of ours: an agent's session or a one-shot pull. Nothing is stored. */
  mint(holder: Principal, { artifact, expiresAt }: MintOptions): string {
    const ends = Math.min(expiresAt, holder.expiresAt ?? Infinity);
    const kind = holder.kind === 'agent' ? 'a' : 'u';
    return this.#encode({ kind, id: holder.id, artifact, expiresAt: ends });
  }

  /** A key with a document of its own, for a `.torrent` that leaves our hands: revocable alone. */
  async mintRevocable(
    holder: Principal,
    { artifact, expiresAt, name }: MintOptions & { readonly name: string },
  ): Promise<string> {
    const ends = Math.min(expiresAt, holder.expiresAt ?? Infinity);
    const id = Buffer.from(randomSecret(8), 'base64url').toString('hex');
    const key = this.#encode({ kind: 'k', id, artifact, expiresAt: ends });
    await this.tokens.create({
      v: 1,
      token: id,
      kind: 'tracker',
      name,
      secretHash: secretHash(key),
      scopes: [],
      artifact,
      parent: holder.id,
      createdAt: this.clock.now(),
      expiresAt: ends,
      usesLeft: null,
    });
    return key;
  }

  /** @throws TRACKER_KEY_INVALID for a forged, expired or revoked key */
  async check(key: string): Promise<TrackerGrant> {
    const facts = this.read(key);
    const known = this.grantNow(facts);
    if (known !== undefined) return known;
    const own = facts.kind === 'k' ? await this.tokens.find(facts.id) : null;
    if (facts.kind === 'k' && own?.kind !== 'tracker') throw invalid('It was revoked.');
    const grant = grantOf(own?.parent ?? facts.id, facts);
    if (needsToken(grant) && !(await this.tokens.find(grant.id))) {
      throw invalid('The token it was made with was revoked.');
    }
    return grant;
  }

  /**
   * What a key says of itself, which stays true for ever: whether it is good at this moment is for
   * {@link grantNow} to say.
   * @throws TRACKER_KEY_INVALID for one that we did not make
   */
  read(key: string): TrackerKeyFacts {
    const facts = decodeTrackerKey(key, this.#sign);
    if (!facts) throw invalid('It is not one of this service.');
    return facts;
  }

  /**
   * What a key that was read allows now, without waiting, for the tracker's hot path; undefined when {@link check}
   * has to look up.
   * @throws TRACKER_KEY_INVALID
   */
  grantNow(facts: TrackerKeyFacts): TrackerGrant | undefined {
    if (facts.expiresAt <= this.clock.now()) throw invalid('It has expired.');
    if (facts.kind === 'a') return { holder: 'target', id: facts.id, artifact: facts.artifact };
    let holder = facts.id;
    if (facts.kind === 'k') {
      const own = this.tokens.cached(facts.id);
      if (!own) return undefined;
      holder = own.parent ?? '';
    }
    const grant = this.#grantOf(holder, facts);
    return needsToken(grant) && !this.tokens.cached(grant.id) ? undefined : grant;
  }

  #grantOf(holder: string, facts: TrackerKeyFacts): TrackerGrant {
    const known = this.#grants.get(facts);
    if (known?.id === holder) return known;
    const grant = grantOf(holder, facts);
    this.#grants.set(facts, grant);
    return grant;
  }

  #encode(facts: TrackerKeyFacts): string {
    return encodeTrackerKey(facts, this.#sign);
  }
}

/** Ids of targets and of tokens have different forms. */
function grantOf(id: string, { artifact }: TrackerKeyFacts): TrackerGrant {
  const holder = TargetId.safeParse(id).success ? 'target' : 'token';
  return { holder, id, artifact };
}

/** Whether the grant ends with a token of the depot. */
function needsToken({ holder, id }: TrackerGrant): boolean {
  return holder === 'token' && id !== 'admin';
}

function invalid(reason: string): FleetseedError {
  return new FleetseedError('TRACKER_KEY_INVALID', `The tracker key is refused. ${reason}`);
}
