import { fleetseedVersion, serveOrigin } from './fleetseed-origin.ts';
import type { TrackerContestant } from './tracker.types.ts';

/** The service itself, API and dashboard included, as a public tracker that seeds nothing. */
export const fleetseedTracker: TrackerContestant = {
  name: 'fleetseed',
  package: null,
  version: fleetseedVersion(),
  settings:
    '`fleetseed origin --udp-tracker … --tracker-access open --roles api,tracker,work`, else defaults',
  async start(host, folder) {
    const udp = ['--udp-tracker', `${host.address}:6969`];
    const flags = ['--roles', 'api,tracker,work', '--tracker-access', 'open', ...udp];
    return (await serveOrigin(host, folder, flags)).program;
  },
};
