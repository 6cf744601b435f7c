import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

import { CrowdMember } from './crowd-member.ts';
import { contracts, systemLogger } from './own-code.ts';

/*
 * The program behind `Crowd` (crowd.ts): agents of a fleet in one process, each with a key, a session and an
 * event stream of its own. They announce nothing here, but write down where to.
 *
 * stdin: `move VERSION` moves the channel; the answer is an event `told`, once the last of them has heard.
 */
const { values } = parseArgs({
  options: {
    origin: { type: 'string' },
    admin: { type: 'string' },
    join: { type: 'string' },
    agents: { type: 'string' },
    app: { type: 'string' },
    channel: { type: 'string' },
    artifact: { type: 'string' },
    paths: { type: 'string' },
  },
});
const { origin, admin, join, agents, app, channel, artifact, paths } = values as Record<
  string,
  string
>;
const AT_ONCE = 64;

const token = readFileSync(admin!, 'utf8').trim();
const { HttpClient, ChannelState } = await contracts();
const client = new HttpClient({ origin: origin!, token: () => token, userAgent: 'bench' });
const channelPath = `/api/v1/apps/${app}/channels/${channel}`;
const say = (event: unknown) => process.stdout.write(`${JSON.stringify(event)}\n`);

const began = performance.now();
const members: CrowdMember[] = [];
const shared = { origin: origin!, joinToken: readFileSync(join!, 'utf8').trim() };
const log = await systemLogger();
async function comeIn(): Promise<void> {
  while (members.length < Number(agents)) {
    const member = await CrowdMember.make(members.length, shared, log);
    members.push(member);
    await member.enter({ app: app!, channel: channel! });
  }
}
await Promise.all(Array.from({ length: AT_ONCE }, comeIn));
const seconds = (performance.now() - began) / 1000;
const urls: string[] = [];
for (const member of members) urls.push(await member.announcePath(artifact!));
writeFileSync(paths!, `${urls.join('\n')}\n`);
say({ event: 'ready', seconds });

for await (const line of createInterface({ input: process.stdin })) {
  const [word, version] = line.split(' ');
  if (word === 'move') say({ event: 'told', ...(await move(version!)) });
}
for (const member of members) member.leave();

/** Milliseconds since the request was sent. */
async function move(version: string) {
  const before = await client.call({ method: 'GET', path: channelPath, answer: ChannelState });
  const told = Promise.all(members.map((member) => member.hears(before.sequence + 1)));
  const start = performance.now();
  await client.bytes({ method: 'PUT', path: channelPath, json: { version } });
  const answered = performance.now() - start;
  const times = (await told).map((at) => at - start).toSorted((a, b) => a - b);
  return { answered, first: times[0], middle: times[times.length >> 1], last: times.at(-1) };
}
