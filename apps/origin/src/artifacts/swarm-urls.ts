import type { Metainfo } from '#lib/torrent';

/** @param baseUrl of the service, or `udp://HOST:PORT` of its UDP tracker: the path is the same */
export function announceUrl(baseUrl: string, key: string): string {
  return `${baseUrl}/announce/${key}/announce`;
}

/**
 * BEP 19 `url-list` entry. Clients append `name/path` when it ends in a slash, so a tree gets a
 * folder's URL; a single file gets its own, because some clients take it as it stands.
 */
export function webSeedUrl(
  baseUrl: string,
  key: string,
  artifact: string,
  { name, single }: Pick<Metainfo, 'name' | 'single'>,
): string {
  const folder = `${baseUrl}/webseed/${key}/${artifact}/`;
  return single ? folder + encodeURIComponent(name) : folder;
}
