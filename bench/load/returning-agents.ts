import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

import type { Session } from '../../libs/swarm/src/index.ts';
import { identityCode, linkCode, returnsCode, runtime, sessionCode } from './own-code.ts';

/*
 * The program behind `return.case.ts`: agents of a fleet in one process, with the agent's own session, control
 * link and way back into its swarms. What they hold is said, and not there.
 *
 * Prints `connected` when all have joined and are heard. On stdin `lost` begins the account anew, and `ready` its
 * clock; `back` is printed when all are heard again, `announced` when all have told the tracker of what they hold.
 */
const { values } = parseArgs({
  options: {
    origin: { type: 'string' },
    join: { type: 'string' },
    agents: { type: 'string' },
    holds: { type: 'string' },
  },
});
const COUNT = Number(values.agents);
const AT_ONCE = 64;
const { systemClock: clock, systemRandom: random, silentLogger } = await runtime();
const { AgentSession } = await sessionCode();
const { Identity } = await identityCode();
const { OriginLink } = await linkCode();
const { SwarmReturns } = await returnsCode();

const say = (event: unknown) => process.stdout.write(`${JSON.stringify(event)}\n`);
const joinToken = readFileSync(values.join!, 'utf8').trim();
const held = values.holds!.split(',').map((artifact) => ({
  infoHashV2: Buffer.from(artifact, 'hex'),
  progress: () => ({ wantedBytes: 1, haveBytes: 1 }),
}));
const session = { torrents: held } as unknown as Session;
const { signal } = new AbortController();

let since = performance.now();
/** When each was heard, and had told the tracker; by agent. */
let back = new Map<number, number>();
let announced = new Map<number, number>();
let failures = new Map<string, number>();
const logger = {
  ...silentLogger,
  warn(text: string, facts: Record<string, unknown> = {}) {
    const code = typeof facts['code'] === 'string' ? facts['code'] : text;
    failures.set(code, (failures.get(code) ?? 0) + 1);
  },
};

/** Joins, and holds on to the origin from then on. */
async function begin(index: number): Promise<void> {
  const identity = new Identity(generateKeyPairSync('ed25519').privateKey);
  const peerAddress = `10.${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}:6881`;
  const facts = () => ({
    hostname: `host-${index}`,
    labels: {},
    agentVersion: 'bench',
    peerAddress,
    instance: identity.target,
  });
  const own = { origin: values.origin!, identity, version: 'bench', facts, clock, logger };
  const standing = new AgentSession({ ...own, joinToken: () => Promise.resolve(joinToken) });
  const link = new OriginLink({ session: standing, follows: [], clock, random, logger });
  const returns = new SwarmReturns({
    session,
    clock,
    random,
    logger,
    signal,
    announce: async (all, until) => {
      await link.announce(all, peerAddress, until);
      note(announced, index, 'announced');
    },
  });
  await new Promise<void>((connected) => {
    const events = {
      onConnected: () => {
        connected();
        note(back, index, 'back');
      },
      onLost: () => undefined,
      onNewEpoch: () => returns.begin(),
      onDesired: () => undefined,
      onWatch: () => undefined,
    };
    void link.run(events, signal);
  });
}

function note(times: Map<number, number>, agent: number, event: string): void {
  if (times.has(agent)) return;
  times.set(agent, (performance.now() - since) / 1000);
  if (times.size !== COUNT) return;
  const sorted = [...times.values()].toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.floor((COUNT - 1) * part)];
  say({ event, p50: at(0.5), p99: at(0.99), last: at(1), failures: Object.fromEntries(failures) });
}

let next = 0;
async function beginOneByOne(): Promise<void> {
  while (next < COUNT) await begin(next++);
}
await Promise.all(Array.from({ length: AT_ONCE }, beginOneByOne));
say({ event: 'connected', seconds: (performance.now() - since) / 1000 });
for await (const line of createInterface({ input: process.stdin })) {
  since = performance.now();
  if (line === 'ready') continue;
  back = new Map();
  announced = new Map();
  failures = new Map();
  say({ event: 'waiting' });
}
process.exit(0);
