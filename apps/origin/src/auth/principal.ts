import { FleetseedError } from '#lib/contracts';

export type AppAction = 'read' | 'push' | 'release';

/** Who is asking. */
export interface Principal {
  /** `token`: a person or a program with an API token; `agent`: a machine in its session. */
  readonly kind: 'token' | 'agent';
  /** The token's id (`admin` for the admin token), or the target's id. */
  readonly id: string;
  /** What releases and channel entries are signed with: the token's name or the machine's. */
  readonly name: string;
  /** Agents have `app:*:read`. */
  readonly scopes: readonly string[];
  /** Milliseconds since the epoch; null for never. */
  readonly expiresAt: number | null;
}

export function isAdmin(principal: Principal): boolean {
  return principal.scopes.includes('admin');
}

/** Whether one of the scopes allows `action` on `app`; without an app, on any app at all. */
export function mayApp(principal: Principal, action: AppAction, app?: string): boolean {
  if (isAdmin(principal)) return true;
  return principal.scopes.some((scope) => {
    const [kind, name, allowed] = scope.split(':');
    if (kind !== 'app' || allowed !== action) return false;
    return app === undefined || name === '*' || name === app;
  });
}

/** @throws FORBIDDEN */
export function requireApp(principal: Principal, action: AppAction, app: string): void {
  if (!mayApp(principal, action, app)) throw forbidden(principal, `app:${app}:${action}`);
}

export function forbidden(principal: Principal, lacking: string): FleetseedError {
  return new FleetseedError('FORBIDDEN', `"${principal.name}" lacks the scope ${lacking}.`, {
    scope: lacking,
  });
}
