/** What the origin answered instead of what was asked for, or that it did not answer. */
export class ApiError extends Error {
  /**
   * @param code the origin's stable error code, or one of our own: `UNREACHABLE`, `TIMED_OUT`.
   * @param status the HTTP status; 0 when there was no answer.
   */
  constructor(
    readonly code: string,
    readonly status: number,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'ApiError';
  }
}

/** Reads an RFC 9457 problem; a proxy in between may answer in its own words. */
export function errorOfAnswer(status: number, body: unknown): ApiError {
  if (typeof body === 'object' && body !== null && 'code' in body && 'detail' in body) {
    return new ApiError(String(body.code), status, String(body.detail));
  }
  return new ApiError(
    'HTTP_STATUS',
    status,
    `The origin (or a proxy before it) answered ${status}.`,
  );
}
