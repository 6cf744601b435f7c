import { randomBytes } from 'node:crypto';

import type { InfoHashKind } from '#lib/torrent';
import {
  EXTENSION,
  EXTENSION_HANDSHAKE_ID,
  FLEET_NONCE_BYTES,
  FLEET_PROTOCOL_VERSION,
  encodeExtensionHandshake,
  encodeHandshake,
  extendedMessage,
  memberProof,
  verifyMemberProof,
  type ExtensionHandshake,
  type Handshake,
  type MemberClaim,
} from '#lib/wire';

import type { Distance } from '../policy/picker.peer.js';
import { MetadataGiver } from './metadata-giver.js';
import { peerRefused, protocolError } from './peer-errors.js';
import type { PeerIdentity } from './peer.types.js';

/** The ids under which we want to be sent extensions. */
export const OUR_EXTENSION = { member: 1, run: 2, offer: 3, dontHave: 4, metadata: 5 } as const;
/** Requests that we let stand open per peer. */
export const OUR_REQQ = 2000;
const CLIENT = 'Fleetseed 0.1';

/**
 * The opening of a connection: handshakes of BEP 3 and 52, the extension handshake of BEP 10, and
 * proof of membership. Pure: it takes what came and returns what to send.
 *
 *     dialler                          acceptor
 *     handshake                  ──▶
 *                                ◀──   handshake, extension handshake (nonce)
 *     extension handshake (nonce), proof ──▶
 *                                ◀──   proof
 *
 * Each end is known once the other's proof holds. A peer that does not speak our extension is a
 * stranger, and known as soon as that is clear.
 */
export class PeerGreeting {
  readonly #nonce = randomBytes(FLEET_NONCE_BYTES);
  /** The hash we dialled with; null when we were dialled. */
  #dialledWith: Buffer | null = null;
  #remote: Handshake | null = null;
  #extensions: ExtensionHandshake | null = null;
  /** Pieces have the lengths of v2, and hash messages are spoken. */
  v2 = true;
  /** What may be given away of the artifact's metadata (BEP 9). */
  metadata: MetadataGiver | null = null;

  constructor(
    readonly identity: PeerIdentity,
    readonly initiated: boolean,
  ) {}

  get remote(): Handshake | null {
    return this.#remote;
  }

  get extensions(): ExtensionHandshake | null {
    return this.#extensions;
  }

  /** BEP 6 is spoken: we always do. */
  get fast(): boolean {
    return this.#remote?.fast ?? false;
  }

  /** The first message of who dials. @param kind the info-hash that the peer announced */
  dial(kind: InfoHashKind): Buffer {
    const { infoHashV1, infoHashV1Only, infoHashV2 } = this.identity;
    const known = { v1: infoHashV1, v2: null, 'v1-only': infoHashV1Only }[kind];
    this.#dialledWith = known ?? infoHashV2.subarray(0, 20);
    // Who has the v1 edition has no v2 view to change to.
    return this.#handshake(this.#dialledWith, this.#dialledWith === infoHashV1);
  }

  /** Takes the other's handshake. @returns our own, if that is still to be sent, or null */
  handshake(remote: Handshake): Buffer | null {
    const { infoHashV1, infoHashV1Only, infoHashV2, peerId } = this.identity;
    const short = infoHashV2.subarray(0, 20);
    if (remote.peerId.equals(peerId)) throw peerRefused('it is ourselves', { self: true });
    this.#remote = remote;
    const isV2 = remote.infoHash.equals(short);
    const isV1Only = isSame(remote.infoHash, infoHashV1Only);
    if (!isV2 && !isV1Only && !isSame(remote.infoHash, infoHashV1)) {
      throw protocolError('it answered with the hash of another torrent');
    }
    if (this.#dialledWith !== null) {
      // Only who was dialled with the hybrid's v1 hash may answer with another: that of v2.
      const upgraded = isV2 && this.#dialledWith === infoHashV1;
      if (!upgraded && !remote.infoHash.equals(this.#dialledWith)) {
        throw protocolError('it answered with the hash of another view');
      }
      this.v2 = isV2;
      this.#giveMetadataOf(isV1Only ? 'v1-only' : 'v2');
      return null;
    }
    // BEP 52: a v1 handshake with the upgrade bit is answered with the v2 hash.
    this.v2 = isV2 || (remote.v2Upgrade && !isV1Only);
    this.#giveMetadataOf(isV1Only ? 'v1-only' : 'v2');
    return this.#handshake(this.v2 ? short : remote.infoHash, false);
  }

  /** Our extension handshake; null when the peer does not speak BEP 10. */
  extensionHandshake(host: string): Buffer | null {
    if (!this.#remote?.extensions) return null;
    const { swarmSecret, role, target, zone, listenPort, uploadOnly } = this.identity;
    const m = new Map<string, number>([[EXTENSION.dontHave, OUR_EXTENSION.dontHave]]);
    const { metadata } = this;
    if (metadata !== null) m.set(EXTENSION.metadata, OUR_EXTENSION.metadata);
    if (swarmSecret !== null) {
      m.set(EXTENSION.member, OUR_EXTENSION.member);
      m.set(EXTENSION.run, OUR_EXTENSION.run);
      m.set(EXTENSION.offer, OUR_EXTENSION.offer);
    }
    const fs = {
      version: FLEET_PROTOCOL_VERSION,
      nonce: this.#nonce,
      role,
      ...(target === undefined ? {} : { target }),
      ...(zone === null ? {} : { zone }),
    };
    const payload = encodeExtensionHandshake({
      m,
      reqq: OUR_REQQ,
      v: CLIENT,
      yourip: host,
      uploadOnly,
      ...(metadata === null ? {} : { metadataSize: metadata.size }),
      ...(listenPort > 0 ? { p: listenPort } : {}),
      ...(swarmSecret ? { fs } : {}),
    });
    return extendedMessage(EXTENSION_HANDSHAKE_ID, payload);
  }

  /** Takes an extension handshake; it may come again, and then adds to the first (BEP 10). */
  extended(handshake: ExtensionHandshake): void {
    const first = this.#extensions;
    const m = new Map(first?.m);
    // Names that are none of ours are not kept: there is no end to them.
    for (const name of Object.values(EXTENSION)) {
      const id = handshake.m.get(name);
      if (id !== undefined) m.set(name, id);
    }
    if (first === null) {
      this.#extensions = { ...handshake, m };
      return;
    }
    // Who somebody is was settled by the first one.
    this.#extensions = { ...first, ...handshake, m, ...(first.fs ? { fs: first.fs } : {}) };
  }

  /** Whether the peer stands in our zone. It says so itself: nothing depends on it but what it costs. */
  get distance(): Distance {
    const ours = this.identity.zone;
    const theirs = this.#extensions?.fs?.zone;
    if (ours === null || theirs === undefined) return 'unknown';
    return ours.equals(theirs) ? 'near' : 'far';
  }

  /** The id under which the peer wants an extension; 0 when it does not speak it. */
  idOf(name: string): number {
    return this.#extensions?.m.get(name) ?? 0;
  }

  /** Whether the peer says it is a fleet peer, so that a proof is to be waited for. */
  get claimsMembership(): boolean {
    return (
      this.identity.swarmSecret !== null &&
      this.#extensions?.fs !== undefined &&
      this.idOf(EXTENSION.member) !== 0 &&
      this.idOf(EXTENSION.run) !== 0
    );
  }

  /** Our proof; to be sent when the peer claims membership. */
  proof(): Buffer {
    const { swarmSecret, peerId, role } = this.identity;
    const proof = memberProof(swarmSecret!, {
      infoHashV2: this.identity.infoHashV2,
      proverInitiated: this.initiated,
      proverNonce: this.#nonce,
      verifierNonce: this.#extensions!.fs!.nonce,
      proverPeerId: peerId,
      proverRole: role,
    });
    return extendedMessage(this.idOf(EXTENSION.member), proof);
  }

  /** @throws FleetseedError PEER_REFUSED when the proof is wrong, or there was nothing to prove */
  verify(proof: Buffer): void {
    const fs = this.#extensions?.fs;
    const { swarmSecret, infoHashV2 } = this.identity;
    if (swarmSecret === null || fs === undefined || this.#remote === null) {
      throw protocolError('a proof of membership that nobody asked for');
    }
    const claim: MemberClaim = {
      infoHashV2,
      proverInitiated: !this.initiated,
      proverNonce: fs.nonce,
      verifierNonce: this.#nonce,
      proverPeerId: this.#remote.peerId,
      proverRole: fs.role,
    };
    if (!verifyMemberProof(swarmSecret, claim, proof)) {
      throw peerRefused('its proof of membership is wrong');
    }
  }

  #giveMetadataOf(view: InfoHashKind): void {
    const info = this.identity.metadataOf(view);
    this.metadata = info && new MetadataGiver(info);
  }

  #handshake(infoHash: Buffer, v2Upgrade: boolean): Buffer {
    const { peerId } = this.identity;
    return encodeHandshake({ infoHash, peerId, fast: true, extensions: true, v2Upgrade });
  }
}

function isSame(hash: Buffer, known: Buffer | null): boolean {
  return known !== null && hash.equals(known);
}
