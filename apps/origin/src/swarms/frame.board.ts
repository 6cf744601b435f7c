import type { PeerFrame } from '#lib/contracts';

/** A peer that sent nothing for so long is not shown any more, ms: three frames are missing. */
const STALE_MS = 3500;
/** Peers of one swarm on the live view. */
export const MAX_PEERS_SHOWN = 200;
/** Swarms watched at a time; frames of others are not kept. */
export const MAX_SWARMS = 256;

interface Kept {
  readonly frame: PeerFrame;
  readonly at: number;
}

/**
 * The newest frame of every peer of the swarms that somebody watches. Bounded: frames of swarms that
 * nobody watches are dropped, and a swarm keeps at most 200 peers, those that came first.
 */
export class FrameBoard {
  readonly #swarms = new Map<string, Map<string, Kept>>();

  open(artifact: string): void {
    if (this.#swarms.size < MAX_SWARMS && !this.#swarms.has(artifact)) {
      this.#swarms.set(artifact, new Map());
    }
  }

  close(artifact: string): void {
    this.#swarms.delete(artifact);
  }

  /** @param name under which it takes the place of the frame before */
  put(artifact: string, frame: PeerFrame, nowMs: number, name = frame.peer): void {
    const peers = this.#swarms.get(artifact);
    if (!peers) return;
    if (!peers.has(name) && peers.size >= MAX_PEERS_SHOWN) return;
    peers.set(name, { frame, at: nowMs });
  }

  /**
   * What is shown now. Bytes are since the frame before, so a frame counts once: taken again it has
   * its map and progress, but no bytes.
   */
  take(artifact: string, nowMs: number): PeerFrame[] {
    const peers = this.#swarms.get(artifact);
    if (!peers) return [];
    const frames: PeerFrame[] = [];
    for (const [peer, { frame, at }] of peers) {
      if (nowMs - at > STALE_MS) {
        peers.delete(peer);
        continue;
      }
      frames.push(frame);
      if (frame.from.length > 0) peers.set(peer, { frame: { ...frame, from: [] }, at });
    }
    return frames;
  }
}
