import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';

import { configurationError, type OriginReady } from '#lib/contracts';
import type { Depot } from '#lib/depot';
import { openFilesShare, silentLogger, systemClock, type Clock, type Logger } from '#lib/runtime';
import { formatIpPort } from '#lib/wire';

import { AuthenticateMiddleware } from './auth/authenticate.middleware.js';
import { listenAddressOf } from './config/listen-address.js';
import { OriginAddresses } from './config/origin-addresses.js';
import type { OriginConfig } from './config/origin-config.schema.js';
import { ShutdownSignal } from './config/shutdown-signal.js';
import { answerFirst } from './http/answer-first.js';
import { serveApiDocs } from './http/api-docs.js';
import type { TrustProxy } from './http/client-address.js';
import { jsonBody } from './http/json-body.js';
import { NestLogger } from './http/nest-logger.js';
import { domainError, ProblemFilter } from './http/problem.filter.js';
import { roleDoor } from './http/role-door.js';
import { securityHeaders } from './http/security-headers.js';
import { validationPipe } from './http/validation.pipe.js';
import { importAddressesOf } from './imports/address.policy.js';
import { probeQueue } from './jobs/job-queue.factory.js';
import { OriginModule } from './origin.module.js';
import { ReplicaBoard } from './replicas/replica-board.js';
import { TrackerHttpDoor } from './tracker/tracker-http.door.js';
import { webhookTargetOf } from './webhooks/webhook.target.js';

export interface RunningOrigin {
  readonly ready: OriginReady;
  /**
   * Ends within about 8 seconds: `drainSeconds` in which others are found instead, running requests and
   * jobs get 3 seconds, the depot is closed last.
   */
  close(): Promise<void>;
}

export interface StartOptions {
  readonly clock?: Clock;
  readonly logger?: Logger;
  /** Instead of the one that is configured: replicas inside one process share theirs. */
  readonly depot?: Depot;
}

/** Connections of the API, and the descriptors that they may have; event streams of agents among them. */
const CONNECTIONS = 1_000_000;
const CONNECTIONS_SHARE = 0.4;
const DRAIN_MS = 3000;
/** A connection on which nothing moves for so long is closed; event streams ping more often. */
const IDLE_MS = 120_000;

/** Opens the depot, starts every feature and listens. Prints nothing. */
export async function startOrigin(
  config: OriginConfig,
  options: StartOptions = {},
): Promise<RunningOrigin> {
  const { clock = systemClock, logger = silentLogger, depot } = options;
  // Before anything is opened: a start that cannot be leaves nothing behind.
  webhookTargetOf(config);
  importAddressesOf(config);
  await probeQueue(config);
  const app = await NestFactory.create<NestExpressApplication>(
    OriginModule.of({ config, clock, logger, ...(depot ? { depot } : {}) }),
    {
      logger: new NestLogger(logger),
      abortOnError: false,
      bodyParser: false,
      routeConflictPolicy: { duplicate: 'error', shadow: 'warn' },
      routeResolutionStrategy: 'specificity',
      ...tlsOptions(config),
    },
  );
  try {
    configure(app, config);
    await listen(app, config);
    app.get(ReplicaBoard, { strict: false }).begin();
  } catch (error) {
    await app.close();
    throw error;
  }
  return { ready: readyOf(app), close: () => close(app, config, clock) };
}

function configure(app: NestExpressApplication, config: OriginConfig): void {
  const authenticate = app.get(AuthenticateMiddleware, { strict: false });
  const problems = app.get(ProblemFilter);
  trustProxies(app, config);
  app.set('etag', false);
  app.useSecurityHeaders(securityHeaders);
  app.use(roleDoor(config.roles));
  app.use(authenticate.use.bind(authenticate));
  app.use(jsonBody);
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) =>
    problems.answer(domainError(error), request, response),
  );
  app.useGlobalPipes(validationPipe);
  serveApiDocs(app);
}

function trustProxies(app: NestExpressApplication, { trustedProxies }: OriginConfig): void {
  try {
    app.set('trust proxy', trustedProxies?.split(',').map((text) => text.trim()) ?? false);
  } catch (cause) {
    const reason = `"${trustedProxies}" is no list of addresses or networks`;
    throw configurationError('trustedProxies', reason, cause);
  }
}

async function listen(app: NestExpressApplication, config: OriginConfig): Promise<void> {
  const server = app.getHttpServer();
  // Uploads may take hours: what is bounded is silence, not the length of a request.
  server.requestTimeout = 0;
  server.headersTimeout = 30_000;
  server.keepAliveTimeout = 30_000;
  server.setTimeout(IDLE_MS);
  server.maxConnections = openFilesShare(CONNECTIONS_SHARE, CONNECTIONS);
  const { host, port } = listenAddressOf(config.listen);
  // The features start before the door opens, so that nobody finds it half furnished.
  await app.init();
  const tracker = app.get(TrackerHttpDoor, { strict: false });
  const trust = app.getHttpAdapter().getInstance().get('trust proxy fn') as TrustProxy;
  const shutdown = app.get(ShutdownSignal);
  answerFirst(server, (request, response) => {
    // The next request on this connection would come here again.
    if (shutdown.isLeaving) response.setHeader('connection', 'close');
    return tracker.take(request, response, trust);
  });
  try {
    await app.listen(port, host);
  } catch (cause) {
    throw configurationError(
      'listen',
      `cannot listen on ${config.listen}: ${textOf(cause)}`,
      cause,
    );
  }
  const bound = server.address() as AddressInfo;
  const scheme = config.tlsCert === undefined ? 'http' : 'https';
  app.get(OriginAddresses).http = `${scheme}://${formatIpPort({ host, port: bound.port })}`;
}

function readyOf(app: NestExpressApplication): OriginReady {
  const { http, peer, udpTracker } = app.get(OriginAddresses);
  return {
    event: 'ready',
    // What `--origin` takes: the API is under /api/v1 of it.
    api: http,
    dashboard: `${http}/`,
    tracker: `${http}/announce`,
    udpTracker,
    peer,
    pid: process.pid,
  };
}

async function close(
  app: NestExpressApplication,
  { drainSeconds }: OriginConfig,
  clock: Clock,
): Promise<void> {
  const shutdown = app.get(ShutdownSignal);
  shutdown.leave();
  if (drainSeconds > 0) await passed(clock, drainSeconds * 1000);
  shutdown.begin();
  await closeDoor(app.getHttpServer());
  await app.close();
}

/** Nobody new comes in; who is inside gets a moment to come to an end. */
async function closeDoor(server: Server): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  await closed;
  clearTimeout(cut);
}

function passed(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(ms, resolve);
  });
}

function tlsOptions(config: OriginConfig): { httpsOptions?: { cert: Buffer; key: Buffer } } {
  if (config.tlsCert === undefined || config.tlsKey === undefined) return {};
  return {
    httpsOptions: {
      cert: readPem(config.tlsCert, 'tlsCert'),
      key: readPem(config.tlsKey, 'tlsKey'),
    },
  };
}

function readPem(file: string, key: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw configurationError(key, `${file} cannot be read: ${textOf(cause)}`, cause);
  }
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
