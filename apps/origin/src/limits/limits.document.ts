import { z } from 'zod';

import { FleetseedError, Hex32, Rate, type OriginLimitsChange } from '#lib/contracts';

/** Artifacts that may have limits of their own: the document is read whole by every replica. */
export const MAX_LIMITED_ARTIFACTS = 1000;

const ArtifactLimits = z.looseObject({ upload: Rate, download: Rate });

/** `settings/limits.json`: what was set for all replicas. What is not there was never set. */
export const LimitsDocument = z.looseObject({
  v: z.literal(1),
  /** Grows with each change, so that of two readings the later one is known. */
  revision: z.number().int(),
  upload: Rate.optional(),
  download: Rate.optional(),
  artifacts: z.record(Hex32, ArtifactLimits),
});
export type LimitsDocument = z.infer<typeof LimitsDocument>;

export const NOTHING_SET: LimitsDocument = { v: 1, revision: 0, artifacts: {} };

const UNLIMITED = { upload: null, download: null };

/** The document after the change. @throws REQUEST_INVALID when too many artifacts have limits */
export function changedLimits(
  before: LimitsDocument,
  { artifact, ...rates }: OriginLimitsChange,
): LimitsDocument {
  const next = { ...before, revision: before.revision + 1, artifacts: { ...before.artifacts } };
  if (artifact !== undefined) {
    const own = { ...(next.artifacts[artifact] ?? UNLIMITED) };
    for (const [direction, rate] of given(rates)) own[direction] = rate === 'default' ? null : rate;
    if (own.upload === null && own.download === null) delete next.artifacts[artifact];
    else next.artifacts[artifact] = own;
    refuseTooMany(next);
    return next;
  }
  for (const [direction, rate] of given(rates)) {
    if (rate === 'default') delete next[direction];
    else next[direction] = rate;
  }
  return next;
}

function given({ upload, download }: Omit<OriginLimitsChange, 'artifact'>) {
  return [
    ...(upload === undefined ? [] : [['upload', upload] as const]),
    ...(download === undefined ? [] : [['download', download] as const]),
  ];
}

function refuseTooMany({ artifacts }: LimitsDocument): void {
  if (Object.keys(artifacts).length <= MAX_LIMITED_ARTIFACTS) return;
  const text = `No more than ${MAX_LIMITED_ARTIFACTS} artifacts may have limits of their own: lift some.`;
  throw new FleetseedError('REQUEST_INVALID', text);
}
