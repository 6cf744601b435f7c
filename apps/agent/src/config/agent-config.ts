import { z } from 'zod';

import {
  type ChannelReference,
  FleetseedError,
  HostPort,
  Labels,
  ListenAddress,
  RateSetting,
  checkConfiguration,
  configurationError,
  describeConfiguration,
  parseChannelReference,
  parseConfiguration,
  type Environment,
} from '#lib/contracts';

/** Everything the agent can be told. Each key is a flag and an environment variable. */
export const AgentConfigSchema = z.object({
  origin: z
    .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
    .describe('URL of the origin.'),
  caFile: z.string().optional().describe('PEM file of the authority that signed its certificate.'),
  data: z
    .string()
    .min(1)
    .default('fleetseed-agent')
    .describe('Folder of identity, journal and releases.'),
  listen: ListenAddress.default('0.0.0.0:7071').describe(
    'Where peers connect; port 0 takes a free one.',
  ),
  advertise: HostPort.optional().describe(
    'Host and port under which peers reach this agent, when it is not where it listens.',
  ),
  joinTokenFile: z
    .string()
    .optional()
    .describe('File with the join token; needed only until this machine has joined.'),
  label: z
    .array(z.string())
    .default([])
    .describe('Label of this machine as KEY=VALUE (zone=a, rack=r7); may be repeated.'),
  app: z
    .array(z.string())
    .default([])
    .describe('App to keep here as APP@CHANNEL or APP@CHANNEL=FOLDER; may be repeated.'),
  hostname: z
    .string()
    .optional()
    .describe('Name shown for this machine; its host name by default.'),
  keepReleases: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(3)
    .describe('How many releases of an app stay on disk; current and previous always do.'),
  diskReserve: z.coerce
    .number()
    .int()
    .min(0)
    .optional()
    .describe(
      'Bytes of free disk that staging never touches; by default 512 MiB, on a small disk 2 % of it.',
    ),
  uploadLimit: RateSetting.default(null).describe(
    'What is sent to peers at most, as 10MB/s, 80Mbit/s or bytes a second; "off" or 0 is no limit.',
  ),
  downloadLimit: RateSetting.default(null).describe(
    'What is received from peers at most, likewise.',
  ),
  localApi: z
    .string()
    .default('agent.sock')
    .describe('Socket of the local API, below the data folder unless absolute; "off" for none.'),
  logLevel: z
    .enum(['debug', 'info', 'warn', 'error'])
    .default('info')
    .describe('The least important log entries that are written to stderr.'),
});

/** An app this agent keeps, and where. */
export interface FollowedApp {
  readonly app: string;
  readonly channel: string;
  /** The app's folder; null is below the data folder. */
  readonly home: string | null;
}

export type AgentConfig = Omit<z.output<typeof AgentConfigSchema>, 'label' | 'app'> & {
  readonly labels: Labels;
  readonly apps: readonly FollowedApp[];
};

/** @throws USAGE, CONFIG_INVALID that names the key */
export function parseAgentConfig(argv: readonly string[], environment: Environment): AgentConfig {
  const rules = {
    program: 'fleetseed agent',
    schema: AgentConfigSchema,
    lists: ['label' as const, 'app' as const],
  };
  return completed(parseConfiguration(rules, argv, environment));
}

/** What `--help` prints. */
export function agentHelp(): string {
  return `Usage: fleetseed agent --origin URL [options]\n\n${describeConfiguration(AgentConfigSchema)}\n`;
}

/** The same from values by key, for programs that run an agent in their own process. */
export function checkAgentConfig(given: Readonly<Record<string, unknown>>): AgentConfig {
  return completed(checkConfiguration(AgentConfigSchema, given));
}

function completed(config: z.output<typeof AgentConfigSchema>): AgentConfig {
  const { label, app, ...rest } = config;
  const apps = app.map(parseFollowedApp);
  const twice = apps.find((each, index) => apps.findIndex((one) => one.app === each.app) !== index);
  if (twice) throw configurationError('app', `"${twice.app}" is given twice`);
  return { ...rest, labels: parseLabels(label), apps };
}

function parseLabels(texts: readonly string[]): Labels {
  const labels = Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf('=');
      if (at <= 0) throw configurationError('label', `"${text}" is not KEY=VALUE`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
  const parsed = Labels.safeParse(labels);
  if (parsed.success) return parsed.data;
  throw configurationError('label', parsed.error.issues[0]?.message ?? 'is not valid');
}

function parseFollowedApp(text: string): FollowedApp {
  const at = text.indexOf('=');
  const reference: ChannelReference = parseChannel(at < 0 ? text : text.slice(0, at));
  const home = at < 0 ? null : text.slice(at + 1);
  if (home === '') throw configurationError('app', `"${text}" names no folder`);
  return { ...reference, home };
}

function parseChannel(text: string): ChannelReference {
  try {
    return parseChannelReference(text);
  } catch (error) {
    const reason = error instanceof FleetseedError ? error.message : 'is not valid';
    throw configurationError('app', reason.replace(/\.$/, ''));
  }
}
