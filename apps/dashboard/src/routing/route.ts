/** Where in the dashboard somebody is; kept in the address after `#`, so the server need not help. */
export type Route =
  | { readonly page: 'savings' }
  | { readonly page: 'agents' }
  | { readonly page: 'agent'; readonly target: string }
  | { readonly page: 'releases' }
  | { readonly page: 'app'; readonly app: string }
  | { readonly page: 'swarms' }
  | { readonly page: 'swarm'; readonly artifact: string }
  | { readonly page: 'jobs' }
  | { readonly page: 'job'; readonly job: string }
  | { readonly page: 'unknown'; readonly path: string };

export function parseRoute(hash: string): Route {
  const path = hash.replace(/^#\/?/, '').replace(/\/$/, '');
  const [section, id, ...rest] = path.split('/').map(decoded);
  if (rest.length > 0) return { page: 'unknown', path };
  if (id === undefined) {
    if (section === '' || section === undefined) return { page: 'savings' };
    if (section === 'savings' || section === 'agents') return { page: section };
    if (section === 'releases' || section === 'swarms') return { page: section };
    if (section === 'jobs') return { page: section };
  } else if (id !== '') {
    if (section === 'agents') return { page: 'agent', target: id };
    if (section === 'releases') return { page: 'app', app: id };
    if (section === 'swarms') return { page: 'swarm', artifact: id };
    if (section === 'jobs') return { page: 'job', job: id };
  }
  return { page: 'unknown', path };
}

export function hrefOf(route: Exclude<Route, { page: 'unknown' }>): string {
  switch (route.page) {
    case 'agent':
      return `#/agents/${encodeURIComponent(route.target)}`;
    case 'app':
      return `#/releases/${encodeURIComponent(route.app)}`;
    case 'swarm':
      return `#/swarms/${encodeURIComponent(route.artifact)}`;
    case 'job':
      return `#/jobs/${encodeURIComponent(route.job)}`;
    case 'savings':
    case 'agents':
    case 'releases':
    case 'swarms':
    case 'jobs':
      return `#/${route.page}`;
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // An address typed by hand may hold a lone percent sign: it then names nothing we know.
    return part;
  }
}
