import type { BencodeDict, BencodeValue } from '../bencode/bencode.types.js';
import { looseText } from './fields.reader.js';

/** URLs of one torrent; a bound on what a hostile one makes us hold and dial. */
const MAX_URLS = 1000;

/** Tiers of tracker URLs: `announce-list` where it has any (BEP 12), else `announce`. */
export function readAnnounce(dict: BencodeDict): string[][] {
  const list = dict.get('announce-list');
  const tiers = (Array.isArray(list) ? list : [])
    .slice(0, MAX_URLS)
    .map((tier) => textsOf(Array.isArray(tier) ? tier : []))
    .filter((tier) => tier.length > 0);
  if (tiers.length > 0) return tiers;
  const announce = looseText(dict.get('announce'))?.trim();
  return announce === undefined || announce === '' ? [] : [[announce]];
}

/** BEP 19 `url-list`: a string or a list; blanks around URLs and duplicates are dropped. */
export function readWebSeeds(dict: BencodeDict): string[] {
  const list = dict.get('url-list');
  if (list === undefined || typeof list === 'number' || list instanceof Map) return [];
  return [...new Set(textsOf(Array.isArray(list) ? list : [list]))];
}

/** What informs people and decides nothing. */
export function readTexts(dict: BencodeDict): {
  comment?: string;
  createdBy?: string;
  creationDate?: number;
} {
  const comment = looseText(dict.get('comment'));
  const createdBy = looseText(dict.get('created by'));
  const creationDate = dict.get('creation date');
  return {
    ...(comment === undefined ? {} : { comment }),
    ...(createdBy === undefined ? {} : { createdBy }),
    ...(typeof creationDate === 'number' ? { creationDate } : {}),
  };
}

function textsOf(values: readonly BencodeValue[]): string[] {
  const texts: string[] = [];
  for (const value of values.slice(0, MAX_URLS)) {
    const text = looseText(value)?.trim();
    if (text !== undefined && text !== '') texts.push(text);
  }
  return texts;
}
