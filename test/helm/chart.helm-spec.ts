import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';

import { helm } from '../support/helm.js';

const CHART = 'helm/fleetseed';

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly [key: string]: unknown;
}

interface Container {
  readonly name: string;
  readonly args: string[];
  readonly env: { name: string; value?: string }[];
  readonly securityContext: Record<string, unknown>;
  readonly livenessProbe: unknown;
  readonly readinessProbe: unknown;
}

interface PodSpec {
  readonly containers: Container[];
  readonly securityContext: Record<string, unknown>;
  readonly automountServiceAccountToken: boolean;
  readonly volumes: { name: string; secret?: { secretName: string } }[];
}

function render(...values: string[]): Manifest[] {
  const { status, stdout, stderr } = helm('template', 'fs', CHART, ...values);
  expect(stderr).not.toMatch(/Error/);
  expect(status).toBe(0);
  return parseAllDocuments(stdout)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
}

function podOf(manifests: readonly Manifest[], kind: string): PodSpec {
  const owner = manifests.find((manifest) => manifest.kind === kind)!;
  return (owner['spec'] as { template: { spec: PodSpec } }).template.spec;
}

function envOf(pod: PodSpec): Record<string, string | undefined> {
  return Object.fromEntries(pod.containers[0]!.env.map(({ name, value }) => [name, value]));
}

describe('the chart', () => {
  it('passes helm lint --strict', () => {
    const { status, stdout } = helm('lint', '--strict', CHART);
    expect(stdout).toContain('0 chart(s) failed');
    expect(status).toBe(0);
  });

  it('renders an origin with a volume, an agent on every node, and their services', () => {
    const manifests = render();
    expect(manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort()).toEqual([
      'DaemonSet fs-fleetseed-agent',
      'Secret fs-fleetseed-tls',
      'Secret fs-fleetseed-tokens',
      'Service fs-fleetseed-origin',
      'Service fs-fleetseed-origin-0-peer',
      'Service fs-fleetseed-origin-replicas',
      'ServiceAccount fs-fleetseed-agent',
      'ServiceAccount fs-fleetseed-origin',
      'StatefulSet fs-fleetseed-origin',
    ]);
    const origin = manifests.find(({ kind }) => kind === 'StatefulSet')!;
    expect(origin['spec']).toMatchObject({
      volumeClaimTemplates: [{ metadata: { name: 'data' } }],
    });
  });

  it.each(['StatefulSet', 'DaemonSet'])('locks the containers of the %s down', (kind) => {
    const pod = podOf(render(), kind);
    expect(pod.automountServiceAccountToken).toBe(false);
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    for (const container of pod.containers) {
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(container.livenessProbe).toBeDefined();
      expect(container.readinessProbe).toBeDefined();
    }
  });

  it('mounts one join secret into both, and the admin token into the origin alone', () => {
    const manifests = render('--set', 'auth.existingSecret=mine');
    const mounted = (kind: string) =>
      podOf(manifests, kind).volumes.filter((volume) => volume.secret?.secretName === 'mine');
    expect(mounted('StatefulSet')).toHaveLength(1);
    expect(mounted('DaemonSet')).toEqual([
      {
        name: 'join-token',
        secret: {
          secretName: 'mine',
          defaultMode: 0o440,
          items: [{ key: 'join-token', path: 'join-token' }],
        },
      },
    ]);
    expect(manifests.some(({ metadata }) => metadata.name === 'fs-fleetseed-tokens')).toBe(false);
  });

  it('advertises addresses that peers reach, and an origin that agents trust', () => {
    const manifests = render();
    expect(envOf(podOf(manifests, 'StatefulSet'))).toMatchObject({
      FLEETSEED_ADVERTISE: '$(POD_IP):7071',
      FLEETSEED_TLS_CERT: '/secrets/tls/tls.crt',
    });
    expect(envOf(podOf(manifests, 'DaemonSet'))).toMatchObject({
      FLEETSEED_ORIGIN: 'https://fs-fleetseed-origin.default.svc:7070',
      FLEETSEED_ADVERTISE: '$(PEER_IP):7072',
      FLEETSEED_CA_FILE: '/secrets/ca/ca.crt',
      FLEETSEED_LABEL: 'node=$(NODE_NAME)',
    });
  });

  it('speaks plain HTTP only when told so', () => {
    const manifests = render('--set', 'tls.insecureHttp=true');
    expect(manifests.some(({ metadata }) => metadata.name === 'fs-fleetseed-tls')).toBe(false);
    const environment = envOf(podOf(manifests, 'StatefulSet'));
    expect(environment['FLEETSEED_INSECURE_HTTP']).toBe('on');
    expect(environment['FLEETSEED_TLS_CERT']).toBeUndefined();
  });

  it('passes apps and labels to every agent', () => {
    const words = ['--set', 'agent.apps={web@stable,db@canary}', '--set', 'agent.labels.zone=a'];
    expect(envOf(podOf(render(...words), 'DaemonSet'))).toMatchObject({
      FLEETSEED_APP: 'web@stable,db@canary',
      FLEETSEED_LABEL: 'node=$(NODE_NAME),zone=a',
    });
  });

  it('runs several replicas on a bucket and a Redis, each with an address for peers', () => {
    const manifests = render(
      '--set',
      'origin.replicas=3',
      '--set',
      'origin.roles={api,tracker,work}',
      '--set',
      'origin.s3.bucket=fleet-depot',
      '--set',
      'origin.s3.existingSecret=s3',
      '--set',
      'origin.redis.existingSecret=redis',
    );
    const pod = podOf(manifests, 'StatefulSet');
    expect(envOf(pod)).toMatchObject({
      FLEETSEED_S3_BUCKET: 'fleet-depot',
      FLEETSEED_ROLES: 'api,tracker,work',
      FLEETSEED_DRAIN_SECONDS: '3',
    });
    const secrets = pod.containers[0]!.env.filter(({ value }) => value === undefined);
    expect(secrets.map(({ name }) => name)).toEqual([
      'POD_IP',
      'AWS_ACCESS_KEY_ID',
      'AWS_SECRET_ACCESS_KEY',
      'FLEETSEED_REDIS_URL',
    ]);
    const names = manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(names).toContain('Service fs-fleetseed-origin-2-peer');
    expect(names).toContain('PodDisruptionBudget fs-fleetseed-origin');
  });

  it('keeps one replica to itself: no bucket, no Redis, all roles', () => {
    const environment = envOf(podOf(render(), 'StatefulSet'));
    expect(environment['FLEETSEED_ROLES']).toBe('api,tracker,seed,work');
    expect(Object.keys(environment).filter((name) => /S3|AWS|REDIS/.test(name))).toEqual([]);
  });

  it.each([
    ['origin.replicas=0', /replicas/],
    ['origin.replicas=2', /origin\.replicas.*origin\.s3\.bucket.*origin\.redis\.existingSecret/],
    ['origin.roles={api,web}', /roles/],
    ['origin.drainSeconds=30', /drainSeconds/],
    ['origin.peerAccess=all', /peerAccess/],
    ['agent.peerPort=0', /peerPort/],
    ['agent.apps={web}', /apps/],
    ['nonsense=1', /nonsense/],
  ])('refuses %s by name', (setting, named) => {
    const { status, stderr } = helm('template', 'fs', CHART, '--set', setting);
    expect(status).not.toBe(0);
    expect(stderr).toMatch(named);
  });
});
