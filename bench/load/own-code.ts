import type * as Identity from '../../apps/agent/src/identity/identity.ts';
import type * as Session from '../../apps/agent/src/origin-link/agent-session.ts';
import type * as Link from '../../apps/agent/src/origin-link/origin-link.ts';
import type * as Returns from '../../apps/agent/src/swarm/swarm-returns.ts';
import type * as Contracts from '../../libs/contracts/src/index.ts';
import type * as Runtime from '../../libs/runtime/src/index.ts';
import type * as Swarms from '../../libs/tracker/src/store/packed/packed-swarms.ts';

const DIST = new URL('../../dist/', import.meta.url);
const load = (path: string): Promise<unknown> => import(new URL(path, DIST).href);

/* What agents are made of, as it was built. */
export const contracts = () => load('libs/contracts/src/index.js') as Promise<typeof Contracts>;
export const runtime = () => load('libs/runtime/src/index.js') as Promise<typeof Runtime>;
export const sessionCode = () =>
  load('apps/agent/src/origin-link/agent-session.js') as Promise<typeof Session>;
export const linkCode = () =>
  load('apps/agent/src/origin-link/origin-link.js') as Promise<typeof Link>;
export const returnsCode = () =>
  load('apps/agent/src/swarm/swarm-returns.js') as Promise<typeof Returns>;
export const identityCode = () =>
  load('apps/agent/src/identity/identity.js') as Promise<typeof Identity>;
/* The tracker's store, of which its library shows the outside only. */
export const packedSwarmsCode = () =>
  load('libs/tracker/src/store/packed/packed-swarms.js') as Promise<typeof Swarms>;

/** Warnings on stderr. */
export async function systemLogger(): Promise<Runtime.Logger> {
  const { serviceLogger } = await runtime();
  return serviceLogger('warn');
}
