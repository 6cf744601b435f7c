import { command } from './command.ts';
import { Host, INTERFACE } from './host.ts';
import { raiseNeighbourTable } from './neighbour-table.ts';

/** Hosts that reach each other and nothing else; the first is where the content comes from. */
export interface Network {
  readonly origin: Host;
  readonly others: readonly Host[];
  /** Bytes that left the zone they were sent in, headers included; 0 without zones. */
  crossed(): number;
  remove(): Promise<void>;
}

/** How a host is joined. */
export interface Link {
  /** Up and as much down, in 10⁶ bits a second. */
  readonly mbit: number;
  /** Zones are numbered from 0, where the origin stands; null: there are none. */
  readonly zone: number | null;
}

/** A token bucket of this size lets a whole segmentation-offload packet through. */
const BURST = '96kb';
/** What waits longer than this before a shaped link is dropped. */
const QUEUE = '100ms';
const BRIDGE = 'bridge';
const UPLINK = 'uplink';
/** Of what the machines of a zone could send together, so much goes to other zones, and comes from there. */
const ZONE_SHARE = 0.25;

const addressOf = (index: number) => `10.77.${1 + Math.floor(index / 250)}.${1 + (index % 250)}`;

/** Two hosts, joined by a pair of veth interfaces without any shaping. */
export function joinPair(): Network {
  const origin = new Host('origin', addressOf(0));
  const other = new Host('host-1', addressOf(1));
  origin.ip(
    ['link', 'add', INTERFACE, 'type', 'veth'],
    ['peer', 'name', INTERFACE, 'netns', other.namespace],
  );
  origin.connect();
  other.connect();
  return network(origin, [other], []);
}

/**
 * An origin and machines on one bridge, or one a zone, which a further one joins. Every link carries so
 * many megabits a second up and as many down, by a token bucket at either end of it.
 */
export function joinSwarm(originMbit: number, hostLinks: readonly Link[]): Network {
  raiseNeighbourTable();
  const middle = makeSwitch('switch');
  const isZoned = hostLinks.some(({ zone }) => zone !== null);
  const links = [{ mbit: originMbit, zone: isZoned ? 0 : null }, ...hostLinks];
  const zones = new Map<number, Host>();
  for (const [zone, members] of Map.groupBy(links, (link) => link.zone)) {
    if (zone !== null) zones.set(zone, makeZone(zone, members, middle));
  }
  const all = links.map(({ mbit, zone }, index) => {
    const host = new Host(index === 0 ? 'origin' : `host-${index}`, addressOf(index));
    plugIn(host, zone === null ? middle : zones.get(zone)!, `port${index}`, mbit);
    return host;
  });
  const switches = [middle, ...zones.values()];
  return network(all[0]!, all.slice(1), switches, [...zones.values()]);
}

function makeSwitch(name: string): Host {
  const made = new Host(name, addressOf(0));
  made.ip('link', 'add', BRIDGE, 'type', 'bridge');
  made.ip('link', 'set', BRIDGE, 'up');
  return made;
}

function makeZone(zone: number, members: readonly Link[], middle: Host): Host {
  const made = makeSwitch(`zone-${zone}`);
  const port = `zone${zone}`;
  made.ip(
    ['link', 'add', UPLINK, 'type', 'veth'],
    ['peer', 'name', port, 'netns', middle.namespace],
  );
  made.ip('link', 'set', UPLINK, 'master', BRIDGE, 'up');
  middle.ip('link', 'set', port, 'master', BRIDGE, 'up');
  const carried = ZONE_SHARE * members.reduce((sum, { mbit }) => sum + mbit, 0);
  shape(made, UPLINK, carried);
  shape(middle, port, carried);
  return made;
}

function plugIn(host: Host, middle: Host, port: string, mbit: number): void {
  middle.ip(
    ['link', 'add', port, 'type', 'veth'],
    ['peer', 'name', INTERFACE, 'netns', host.namespace],
  );
  middle.ip('link', 'set', port, 'master', BRIDGE, 'up');
  host.connect();
  shape(host, INTERFACE, mbit);
  shape(middle, port, mbit);
}

function shape(host: Host, device: string, mbit: number): void {
  command(
    'tc',
    ['-netns', host.namespace, 'qdisc', 'add', 'dev', device, 'root'],
    ['tbf', 'rate', `${mbit}mbit`, 'burst', BURST, 'latency', QUEUE],
  );
}

function network(
  origin: Host,
  others: readonly Host[],
  infrastructure: readonly Host[],
  zones: readonly Host[] = [],
): Network {
  return {
    origin,
    others,
    crossed: () => zones.reduce((sum, zone) => sum + zone.traffic(UPLINK).sent, 0),
    async remove() {
      // The origin goes last of those that run something: peers that end say good-bye to it.
      await Promise.all(others.map((host) => host.remove()));
      await Promise.all([origin, ...infrastructure].map((host) => host.remove()));
    },
  };
}

/** What RESULTS.md says about shaped links. */
export const SHAPING = `tc tbf, burst ${BURST}, latency ${QUEUE}`;
export const ZONE_LINKS = `links between zones carry ${ZONE_SHARE} of what the machines of a zone could send`;
