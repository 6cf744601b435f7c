/** A swarm to simulate. Everybody starts within a moment; only the origins have anything. */
export interface Scenario {
  /** Machines besides the origins. */
  readonly hosts: number;
  /** Replicas of the origin; they stand in the first zones. */
  readonly origins: number;
  /**
   * An origin that dies when this part of the time is over that the swarm takes at best; how much later
   * the others know it, milliseconds: null for never.
   */
  readonly originDies: { readonly after: number; readonly knownMs: number | null } | null;
  readonly runs: number;
  readonly runBytes: number;
  /** Of every healthy link, each way, bytes a millisecond. */
  readonly linkRate: number;
  /** From a message's sending to its effect at the other end, milliseconds; each differs by a quarter. */
  readonly delayMs: number;
  /** Zones of equal size. 1: the network has no bottleneck but the links. */
  readonly zones: number;
  /** Of the links of a zone's machines together, how much the zone's uplink carries, each way. */
  readonly zoneShare: number;
  /** Part of the machines with a tenth of the rate. */
  readonly slow: number;
  /** Part of the machines that die half-way: every other one falls silent, the rest part properly. */
  readonly dead: number;
  readonly seed: number;
  /** A run travels in so many parts: how finely transfers share links. */
  readonly parts: number;
  /** Whether the tracker is told of zones. */
  readonly labelled: boolean;
}

const MIB = 1024 * 1024;
/** What a link of so many Mbit/s carries, bytes a millisecond. */
export const mbit = (rate: number) => (rate * 1000) / 8;

/** 512 MiB, which is 512 runs, at 400 Mbit/s. */
export const EQUAL_LINKS: Scenario = {
  hosts: 40,
  origins: 1,
  originDies: null,
  runs: 512,
  runBytes: MIB,
  linkRate: mbit(400),
  delayMs: 10,
  zones: 1,
  zoneShare: 1,
  slow: 0,
  dead: 0,
  seed: 1,
  parts: 8,
  labelled: true,
};

/** Four zones whose uplinks carry a quarter of what their machines could send. */
export const ZONES: Scenario = { ...EQUAL_LINKS, zones: 4, zoneShare: 0.25 };

/** One machine in twenty is slow, one in a hundred dies half-way. */
export const DISTURBED: Scenario = { ...EQUAL_LINKS, slow: 0.05, dead: 0.01 };
