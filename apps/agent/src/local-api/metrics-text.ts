/** Counters of the agent since its start, bytes of payload. */
export interface AgentMetrics {
  readonly received: Readonly<Record<'origin' | 'peer' | 'reuse', number>>;
  readonly wasted: number;
  readonly sent: number;
  /** Of what peers sent, what came from other zones. */
  readonly fromAfar: number;
  readonly peers: number;
  /** Everything read from peers, payload or not. */
  readonly read: number;
  /** Bytes a second; null for none. */
  readonly limits: { readonly upload: number | null; readonly download: number | null };
  readonly seeding: number;
  readonly connected: boolean;
  readonly version: string;
}

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly values: readonly (readonly [labels: string, value: number])[];
}

/**
 * Prometheus' text format. Written by hand: a handful of numbers does not earn the agent a library's
 * share of its memory.
 */
export function metricsText(metrics: AgentMetrics): string {
  return metricsOf(metrics)
    .map(({ name, help, type, values }) => {
      const lines = values.map(([labels, value]) => `${name}${labels} ${value}\n`).join('');
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines}`;
    })
    .join('');
}

function metricsOf(metrics: AgentMetrics): Metric[] {
  const received = Object.entries(metrics.received).map(
    ([source, bytes]) => [`{source="${source}"}`, bytes] as const,
  );
  const { upload, download } = metrics.limits;
  return [
    counter('fleetseed_agent_received_bytes_total', 'Verified payload by source.', received),
    counter('fleetseed_agent_wasted_bytes_total', 'Payload received in vain.', [
      ['', metrics.wasted],
    ]),
    counter('fleetseed_agent_sent_bytes_total', 'Payload sent to peers.', [['', metrics.sent]]),
    counter(
      'fleetseed_agent_other_zones_bytes_total',
      "Of peers' payload, what other zones sent.",
      [['', metrics.fromAfar]],
    ),
    counter('fleetseed_agent_read_bytes_total', 'Everything read from peers.', [
      ['', metrics.read],
    ]),
    gauge('fleetseed_agent_peers', 'Open connections to peers.', metrics.peers),
    gauge('fleetseed_agent_artifacts_seeded', 'Artifacts held whole and seeded.', metrics.seeding),
    gauge(
      'fleetseed_agent_origin_connected',
      '1 while the control link is up.',
      Number(metrics.connected),
    ),
    {
      name: 'fleetseed_agent_limit_bytes_per_second',
      help: 'What may move in a second; 0 without a limit.',
      type: 'gauge',
      values: [
        ['{direction="up"}', upload ?? 0],
        ['{direction="down"}', download ?? 0],
      ],
    },
    {
      name: 'fleetseed_agent_build_info',
      help: 'The version that runs.',
      type: 'gauge',
      values: [[`{version="${metrics.version}"}`, 1]],
    },
  ];
}

function counter(name: string, help: string, values: Metric['values']): Metric {
  return { name, help, type: 'counter', values };
}

function gauge(name: string, help: string, value: number): Metric {
  return { name, help, type: 'gauge', values: [['', value]] };
}
