import type { Machine } from './machine.js';
import type { Scenario } from './scenario.js';
import { Swarm } from './swarm.js';

/** The figures of one simulated swarm. Times are multiples of the machine's own fluid bound. */
export interface Outcome {
  readonly scenario: Scenario;
  /** The last of the machines that are neither slow nor dead. */
  readonly last: number;
  readonly median: number;
  /** The last of the slow ones; 0 without any. */
  readonly lastSlow: number;
  /** Payload bytes of all origins together, in copies. */
  readonly originCopies: number;
  /** Of these what the budget bounds: first and rare ones. */
  readonly budgetedCopies: number;
  /** Copies of each origin. */
  readonly eachOrigin: readonly number[];
  readonly originNeighbours: number;
  /** When the last zone was done, by when the first was. */
  readonly zoneSpread: number;
  /** Payload bytes that crossed zones, as a part of all. */
  readonly crossShare: number;
  /** The same, by the least that is needed: a copy for every zone but the origin's. */
  readonly crossCopies: number;
  /** Spans that came where they were there already, as a part of all. */
  readonly wasted: number;
  readonly starved: number;
  readonly events: number;
  readonly virtualMs: number;
}

export function simulate(scenario: Scenario): Outcome {
  const ended = new Swarm(scenario).run();
  const { rates, machines, dead, network, origins } = ended;
  const { runs, runBytes, linkRate, zones } = scenario;
  const payload = runs * runBytes;
  const supply = rates.reduce((sum, rate) => sum + rate, 0);
  const boundOf = ({ index }: Machine) =>
    Math.max(payload / linkRate, payload / rates[index]!, (machines.length * payload) / supply);
  const times = (wanted: (machine: Machine) => boolean) =>
    machines
      .filter((machine) => !dead.has(machine) && wanted(machine))
      .map((machine) => (machine.doneAt === 0 ? Infinity : machine.doneAt / boundOf(machine)))
      .toSorted((a, b) => a - b);
  const isSlow = ({ index }: Machine) => rates[index]! < linkRate;
  const healthy = times((machine) => !isSlow(machine));
  const zoneTimes = Array.from({ length: zones }, (_, zone) =>
    Math.max(...times((machine) => machine.zone === zone && !isSlow(machine))),
  );
  let crossed = 0;
  let all = 0;
  network.zoneBytes.forEach((bytes, pair) => {
    all += bytes;
    if (Math.floor(pair / zones) !== pair % zones) crossed += bytes;
  });
  const sent = origins.map(({ desk }) => {
    const { first, rare, stall } = desk!.sentBytes;
    return (first + rare + stall) / payload;
  });
  const budgeted = origins.reduce((sum, { desk }) => {
    return sum + (desk!.sentBytes.first + desk!.sentBytes.rare) / payload;
  }, 0);
  return {
    scenario,
    last: healthy.at(-1)!,
    median: healthy[healthy.length >> 1]!,
    lastSlow: times(isSlow).at(-1) ?? 0,
    originCopies: sent.reduce((sum, copies) => sum + copies, 0),
    budgetedCopies: budgeted,
    eachOrigin: sent,
    originNeighbours: ended.mostOriginNeighbours,
    zoneSpread: Math.max(...zoneTimes) / Math.min(...zoneTimes),
    crossShare: crossed / all,
    crossCopies: crossed / payload,
    wasted: ended.wasted / ended.spans,
    starved: times(() => true).filter((time) => time === Infinity).length,
    events: ended.events,
    virtualMs: Math.max(...machines.map(({ doneAt }) => doneAt)),
  };
}
