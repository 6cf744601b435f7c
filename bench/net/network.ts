import { command } from './command.ts';
import { Host, INTERFACE } from './host.ts';
import { raiseNeighbourTable } from './neighbour-table.ts';

/** Hosts that reach each other and nothing else; the first is where the content comes from. */
export interface Network {
  readonly origin: Host;
  readonly others: readonly Host[];
  remove(): Promise<void>;
}

/** A token bucket of this size lets a whole segmentation-offload packet through. */
const BURST = '96kb';
/** What waits longer than this before a shaped link is dropped. */
const QUEUE = '100ms';
const BRIDGE = 'bridge';

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
 * An origin and machines on one bridge. Every link carries so many megabits a second up and as many
 * down, by a token bucket at either end of it.
 */
export function joinSwarm(originMbit: number, hostMbits: readonly number[]): Network {
  raiseNeighbourTable();
  const middle = new Host('switch', addressOf(0));
  middle.ip('link', 'add', BRIDGE, 'type', 'bridge');
  middle.ip('link', 'set', BRIDGE, 'up');
  const all = [originMbit, ...hostMbits].map((mbit, index) => {
    const host = new Host(index === 0 ? 'origin' : `host-${index}`, addressOf(index));
    plugIn(host, middle, `port${index}`, mbit);
    return host;
  });
  return network(all[0]!, all.slice(1), [middle]);
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

function network(origin: Host, others: readonly Host[], infrastructure: readonly Host[]): Network {
  return {
    origin,
    others,
    async remove() {
      // The origin goes last of those that run something: peers that end say good-bye to it.
      await Promise.all(others.map((host) => host.remove()));
      await Promise.all([origin, ...infrastructure].map((host) => host.remove()));
    },
  };
}

/** What RESULTS.md says about shaped links. */
export const SHAPING = `tc tbf, burst ${BURST}, latency ${QUEUE}`;
