import type { MetricMaker, Sums } from './metric.maker.js';

export interface ReplicaSources {
  /** Replicas that are alive, this one among them. */
  replicas(): {
    readonly alive: number;
    readonly byRole: Sums;
    /** Since the last beat of the one that is silent longest of all. */
    readonly longestSilenceMs: number;
  };
  /** The bus between replicas; null for a replica that is alone. */
  bus(): { readonly isUp: boolean; readonly messages: Sums; readonly looks: Sums } | null;
  /** What Redis is used for, and whether it answers there (1) or not (0); nothing without one. */
  redis(): Promise<Sums>;
}

/** As this process sees them: each replica has a view of its own. */
export function replicaMetrics(make: MetricMaker, sources: ReplicaSources): void {
  make.gauge('replicas', 'Replicas that are alive, this one among them.', () => {
    return sources.replicas().alive;
  });
  make.gauges(
    'replicas_with_role',
    'Replicas that are alive and have the role, this one among them.',
    'role',
    () => sources.replicas().byRole,
  );
  make.gauge(
    'replica_silence_seconds',
    'Age of the last beat of another replica, of the one that is silent longest; 0 without others.',
    () => sources.replicas().longestSilenceMs / 1000,
  );
  make.gauge('replica_bus_up', '1 while other replicas can be told and heard.', () => {
    const bus = sources.bus();
    return bus && Number(bus.isUp);
  });
  make.counters(
    'replica_messages_total',
    'Messages between replicas, by what became of them; received ones may be refused or fail, too.',
    'result',
    () => sources.bus()?.messages ?? {},
  );
  make.counters(
    'replica_looks_total',
    'How often it was looked for what no message told of, by outcome.',
    'result',
    () => sources.bus()?.looks ?? {},
  );
  make.gauges('redis_up', '1 while Redis answers, by what it is used for.', 'use', () => {
    return sources.redis();
  });
}
