import { z } from 'zod';

import {
  AppName,
  ByteCount,
  ChannelName,
  Hex32,
  HostPort,
  Labels,
  TargetId,
  Timestamp,
  VersionName,
} from '../names.js';
import { ArtifactSummary, SwarmTicket } from './artifacts.js';
import { LedgerRecord } from './ledger.js';
import { TargetApp } from './targets.js';

/** Base64url of a raw 32-byte Ed25519 public key. */
export const PublicKey = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

/** First contact of a machine, allowed by a join token in the Authorization header. */
export const JoinRequest = z.object({
  publicKey: PublicKey,
  hostname: z.string().min(1).max(255),
  labels: Labels,
  agentVersion: z.string().max(64),
});
export type JoinRequest = z.infer<typeof JoinRequest>;
export const JoinAnswer = z.object({ target: TargetId });
export type JoinAnswer = z.infer<typeof JoinAnswer>;

/** A challenge to sign; it is valid for a minute and needs no memory on the server. */
export const ChallengeRequest = z.object({ target: TargetId });
export const Challenge = z.object({ challenge: z.string().max(512) });
export type Challenge = z.infer<typeof Challenge>;

/**
 * Opens a session. `signature` is base64url of Ed25519 over the UTF-8 bytes of
 * `fleetseed-session-1\n<challenge>\n<instance>`; `instance` is random per start of the agent, so that
 * two machines with one identity are told apart.
 */
export const SessionRequest = z.object({
  target: TargetId,
  challenge: z.string().max(512),
  instance: z.string().min(16).max(64),
  signature: z.string().max(128),
  hostname: z.string().min(1).max(255),
  labels: Labels,
  agentVersion: z.string().max(64),
  /** Where the agent's peer port is reached, if that is not where its connections come from. */
  peerAddress: HostPort,
});
export type SessionRequest = z.infer<typeof SessionRequest>;

export const SessionAnswer = z.object({
  /** Bearer token for the agent's requests. */
  token: z.string(),
  expiresAt: Timestamp,
  /** Changes when the tracker forgot its peers: then everything held is announced again. */
  bootEpoch: z.string(),
});
export type SessionAnswer = z.infer<typeof SessionAnswer>;

/** What a target should have of one app, now. There is no queue: a newer one replaces it. */
export const DesiredApp = z.object({
  app: AppName,
  channel: ChannelName,
  sequence: z.number().int().nonnegative(),
  /** Null while the channel points nowhere. */
  release: z.object({ version: VersionName, artifact: ArtifactSummary }).nullable(),
  activate: z.boolean(),
});
export type DesiredApp = z.infer<typeof DesiredApp>;

/** Which apps an agent asks for on its own account (`--app`). */
export const FollowRequest = z.object({
  apps: z.array(z.object({ app: AppName, channel: ChannelName })).max(1000),
});
export type FollowRequest = z.infer<typeof FollowRequest>;

/**
 * Events of `POST /api/v1/agent/events` (SSE); each `data` is one of these. The request is a
 * {@link FollowRequest}, so that whichever replica holds the stream knows what to tell.
 */
export const AgentEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('hello'), bootEpoch: z.string() }),
  z.object({ type: z.literal('desired'), apps: z.array(DesiredApp) }),
  /** Somebody watches this artifact's swarm: send frames once a second until `unwatch`. */
  z.object({ type: z.literal('watch'), artifact: Hex32 }),
  z.object({ type: z.literal('unwatch'), artifact: Hex32 }),
]);
export type AgentEvent = z.infer<typeof AgentEvent>;

/** The agent's full state, and ledger records the origin has not acknowledged yet. */
export const AgentReport = z.object({
  instance: z.string(),
  freeBytes: ByteCount.nullable(),
  apps: z.array(TargetApp).max(1000),
  /** Artifacts held whole and seeded. */
  holds: z.array(Hex32).max(100_000),
  ledger: z.array(LedgerRecord).max(1000),
});
export type AgentReport = z.infer<typeof AgentReport>;
/** The highest ledger sequence that is now durable. */
export const AgentReportAnswer = z.object({ acknowledged: z.number().int().nonnegative() });
export type AgentReportAnswer = z.infer<typeof AgentReportAnswer>;

/** All tickets an agent needs to seed what it holds, in one request. */
export const TicketsRequest = z.object({ artifacts: z.array(Hex32).max(1000) });
export const TicketsAnswer = z.object({ tickets: z.array(SwarmTicket) });
export type TicketsAnswer = z.infer<typeof TicketsAnswer>;
