import { z } from 'zod';

import { Timestamp } from '../names.js';

/**
 * `admin` may everything; `app:<name or *>:push` uploads and creates releases, `:release` moves
 * channels, `:read` reads content and swarms; `fleet:read` reads targets, savings and metrics.
 */
export const Scope = z
  .string()
  .regex(
    /^(?:admin|fleet:read|app:(?:\*|[a-z0-9][a-z0-9._-]{0,63}):(?:read|push|release))$/,
    'a scope is admin, fleet:read or app:<name|*>:<read|push|release>',
  );
export type Scope = z.infer<typeof Scope>;

export const CreateToken = z.object({
  name: z.string().min(1).max(64),
  scopes: z.array(Scope).min(1).max(64),
  expiresInSeconds: z
    .number()
    .int()
    .positive()
    .max(10 * 365 * 86_400)
    .optional(),
});
export type CreateToken = z.infer<typeof CreateToken>;

export const TokenSummary = z.object({
  token: z.string(),
  kind: z.enum(['api', 'join', 'tracker']),
  name: z.string(),
  scopes: z.array(z.string()),
  createdAt: Timestamp,
  expiresAt: Timestamp.nullable(),
  /** Join tokens: how many machines may still use it; null is no limit. */
  usesLeft: z.number().int().nullable(),
});
export type TokenSummary = z.infer<typeof TokenSummary>;

/** The secret is shown once, here. */
export const CreatedToken = TokenSummary.extend({ secret: z.string() });
export type CreatedToken = z.infer<typeof CreatedToken>;

export const CreateJoinToken = z.object({
  name: z.string().min(1).max(64),
  uses: z.number().int().positive().max(1_000_000).optional(),
  expiresInSeconds: z
    .number()
    .int()
    .positive()
    .max(10 * 365 * 86_400)
    .optional(),
});
export type CreateJoinToken = z.infer<typeof CreateJoinToken>;
