/** What a web seed's URLs are made from. */
export interface WebSeedLayout {
  readonly name: string;
  readonly single: boolean;
}

/**
 * The URL of a file of an artifact (BEP 19). The URL of a single file is the seed's own, or, when that
 * ends with a slash, the file's name below it; a tree lies below `<url>/<name>/`. Each path segment is
 * percent-encoded by itself; a query of the seed's URL stays behind the path.
 */
export function webSeedUrl(seed: string, layout: WebSeedLayout, path: readonly string[]): string {
  const url = new URL(seed);
  if (layout.single) {
    if (url.pathname.endsWith('/')) url.pathname += encodeSegment(layout.name);
    return url.href;
  }
  const folder = url.pathname.endsWith('/') ? url.pathname : `${url.pathname}/`;
  url.pathname = folder + [layout.name, ...path].map(encodeSegment).join('/');
  return url.href;
}

function encodeSegment(segment: string): string {
  return encodeURIComponent(segment);
}

/** Milliseconds that a `Retry-After` header asks for (RFC 9110 §10.2.3), or null when it makes no sense. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | null {
  if (header === undefined) return null;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - nowMs);
}

/** Whether a `Content-Range` names exactly these bytes (RFC 9110 §14.4). */
export function isContentRange(header: string | undefined, start: number, length: number): boolean {
  const match = /^bytes (\d+)-(\d+)\/(?:\d+|\*)$/i.exec(header ?? '');
  return match !== null && Number(match[1]) === start && Number(match[2]) === start + length - 1;
}
