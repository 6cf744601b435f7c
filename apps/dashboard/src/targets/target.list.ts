import type { Target, TargetApp } from '#lib/contracts';

export type Kind = 'good' | 'warn' | 'bad' | 'plain';

/** How a phase is coloured; the word itself is always shown. */
export function kindOfPhase(phase: TargetApp['phase']): Kind {
  switch (phase) {
    case 'ACTIVE':
      return 'good';
    case 'FAILED':
      return 'bad';
    case 'DEFERRED':
      return 'warn';
    case 'IDLE':
    case 'STAGING':
    case 'STAGED':
    case 'ACTIVATING':
      return 'plain';
  }
}

/** All that can be searched of a target, in lower case. */
function textOf({ target, hostname, labels, agentVersion, apps }: Target): string {
  const labelTexts = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  const appTexts = apps.flatMap(({ app, channel, wanted, current, phase, error }) => [
    `${app}@${channel}`,
    `${app}@${wanted ?? ''}`,
    current ?? '',
    phase,
    error?.code ?? '',
  ]);
  return [target, hostname, agentVersion, ...labelTexts, ...appTexts].join('\n').toLowerCase();
}

/**
 * Targets that hold every word of the filter somewhere: host, id, label `key=value`, app, version,
 * phase, error code. `online` and `offline` mean the state.
 */
export function filterTargets(targets: readonly Target[], filter: string): Target[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return targets.filter((target) => {
    const text = textOf(target);
    return words.every((word) => {
      if (word === 'online') return target.online;
      if (word === 'offline') return !target.online;
      return text.includes(word);
    });
  });
}

export interface FleetCounts {
  readonly online: number;
  readonly offline: number;
  readonly failed: number;
  readonly staging: number;
  readonly active: number;
}

/** Counts targets by state and their apps by phase. */
export function countFleet(targets: readonly Target[]): FleetCounts {
  const apps = targets.flatMap((each) => each.apps);
  const online = targets.filter((each) => each.online).length;
  return {
    online,
    offline: targets.length - online,
    failed: apps.filter((each) => each.phase === 'FAILED').length,
    staging: apps.filter((each) => each.phase === 'STAGING').length,
    active: apps.filter((each) => each.phase === 'ACTIVE').length,
  };
}

/** Those in trouble first, then by host. */
export function orderTargets(targets: readonly Target[]): Target[] {
  const trouble = ({ online, apps }: Target) =>
    apps.some((each) => each.phase === 'FAILED') ? 0 : online ? 2 : 1;
  return targets.toSorted(
    (a, b) =>
      trouble(a) - trouble(b) ||
      a.hostname.localeCompare(b.hostname, undefined, { numeric: true }) ||
      (a.target < b.target ? -1 : 1),
  );
}
