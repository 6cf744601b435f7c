import type { Command } from 'commander';

/** Gives a verb's command its arguments, options, sub-commands and action. */
export type DefineVerb = (command: Command) => void;

export interface VerbEntry {
  readonly summary: string;
  readonly load: () => Promise<{ readonly define: DefineVerb }>;
}

/**
 * Every verb with its one-line summary. Modules are loaded when their verb is called: `--help` must
 * not wait for the swarm engine.
 */
export const VERBS: Readonly<Record<string, VerbEntry>> = {
  push: {
    summary: 'upload a file or a folder as a release',
    load: () => import('./verbs/push.js'),
  },
  pull: {
    summary: 'download a release through the swarm, without an agent',
    load: () => import('./verbs/pull.js'),
  },
  torrent: {
    summary: 'create, inspect, get and fetch .torrent files',
    load: () => import('./verbs/torrent/torrent.js'),
  },
  release: {
    summary: 'list, show and import the releases of an app',
    load: () => import('./verbs/release.js'),
  },
  channel: {
    summary: 'show and move the channels of an app',
    load: () => import('./verbs/channel.js'),
  },
  target: {
    summary: 'list, show and remove machines of the fleet',
    load: () => import('./verbs/target.js'),
  },
  swarm: {
    summary: 'list, show and watch swarms',
    load: () => import('./verbs/swarm.js'),
  },
  agent: {
    summary: 'run the agent of a target; show and limit one that runs on this machine',
    load: () => import('./verbs/agent.js'),
  },
  savings: {
    summary: 'what the origin did not have to send',
    load: () => import('./verbs/savings.js'),
  },
  token: {
    summary: 'create, list and revoke tokens',
    load: () => import('./verbs/token.js'),
  },
  job: {
    summary: 'list, show and cancel the work of the origin',
    load: () => import('./verbs/job.js'),
  },
  depot: {
    summary: 'remove what no release needs any more; verify and repair what is kept',
    load: () => import('./verbs/depot.js'),
  },
  doctor: {
    summary: 'check the connection to the origin, the token, the clock and the disk',
    load: () => import('./verbs/doctor.js'),
  },
};

/** Verbs that are programs of their own and read their own arguments. */
export const SERVICES: Readonly<Record<string, string>> = {
  origin: 'run the origin: API, tracker, seed and dashboard',
  agent: VERBS['agent']!.summary,
};

/** Of verbs that are services too: what is asked of one that runs, and is no service itself. */
export const ASKED: Readonly<Record<string, readonly string[]>> = { agent: ['status', 'limit'] };
