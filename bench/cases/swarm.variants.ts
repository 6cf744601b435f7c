import type { HostPlan } from '../contestants/contestant.types.ts';
import { ZONE_LINKS } from '../net/network.ts';

/** What disturbs a swarm. */
export const VARIANTS = ['even', 'tree', 'zones', 'late', 'slow', 'killed', 'mixed'] as const;
export type Variant = (typeof VARIANTS)[number];

const TENTH = 0.1;
const LATE_SECONDS = 5;
const ARIA2_SHARE = 0.2;
const ZONES = 4;

/** What it means, in a sentence for RESULTS.md. */
export const VARIANT_METHOD: Readonly<Record<Variant, string>> = {
  even: 'All start at once.',
  tree: 'All start at once.',
  zones:
    `They stand in ${ZONES} zones, the origin in the first; ${ZONE_LINKS}, counted there. Agents are told their ` +
    'zone by `--label zone=…`; the others have no such thing. All start at once.',
  late: `Every second host starts ${LATE_SECONDS} s after the others.`,
  slow: 'One host in ten has a tenth of the rate, up and down. All start at once.',
  killed:
    'One host in ten is killed (SIGKILL) when its interface has received half of the bytes, and does not come ' +
    'back. All start at once.',
  mixed: 'One host in five runs aria2. All start at once.',
};

/** What every host of a swarm does; those that are special are spread evenly. */
export function plansOf(variant: Variant, hosts: number, mbit: number): HostPlan[] {
  const plain: HostPlan = { mbit, zone: null, startsAfter: 0, client: 'own', killed: false };
  const plans = Array.from({ length: hosts }, () => plain);
  const change = (share: number, different: Partial<HostPlan>) => {
    const count = Math.max(1, Math.round(hosts * share));
    for (let each = 0; each < count; each++) {
      plans[Math.floor(((each + 0.5) * hosts) / count)] = { ...plain, ...different };
    }
    return plans;
  };
  switch (variant) {
    case 'even':
    case 'tree':
      return plans;
    case 'zones':
      // The origin is the first of all.
      return plans.map((plan, host) => ({ ...plan, zone: (host + 1) % ZONES }));
    case 'late':
      return change(1 / 2, { startsAfter: LATE_SECONDS });
    case 'slow':
      return change(TENTH, { mbit: mbit * TENTH });
    case 'killed':
      return change(TENTH, { killed: true });
    case 'mixed':
      return change(ARIA2_SHARE, { client: 'aria2' });
  }
}
