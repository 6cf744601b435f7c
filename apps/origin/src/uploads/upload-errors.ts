import { FleetseedError, type Release } from '#lib/contracts';

export function versionTaken(winner: Release): FleetseedError {
  const { app, version, artifact } = winner;
  return new FleetseedError(
    'VERSION_TAKEN',
    `${app}@${version} exists with other content (artifact ${artifact}); a version is for ever.`,
    { app, version, artifact, createdAt: winner.createdAt, createdBy: winner.createdBy },
  );
}

export function unknownUpload(id: string): FleetseedError {
  return new FleetseedError('UPLOAD_NOT_FOUND', `There is no upload ${id.slice(0, 64)}.`, {
    upload: id.slice(0, 64),
  });
}

export function uploadExpired(id: string): FleetseedError {
  return new FleetseedError('UPLOAD_EXPIRED', 'The upload took too long; start it again.', {
    upload: id,
  });
}

export function partInvalid(
  message: string,
  facts: Record<string, string | number>,
): FleetseedError {
  return new FleetseedError('PART_INVALID', message, facts);
}

export function directUnsupported(): FleetseedError {
  return new FleetseedError(
    'REQUEST_INVALID',
    'This origin keeps its depot in a folder, to which nothing can be sent but through it: push without --direct.',
  );
}
