import { posix } from 'node:path';

/** The kernel follows no more links than this (Linux: MAXSYMLINKS). */
const MOST_HOPS = 40;

/** What a relative link says, in the ways an artifact can hold it. */
export interface LinkTarget {
  /** Components from the tree's root (BEP 47); empty for the root itself. */
  readonly components: readonly string[];
  /** True when restoring the link from its components gives another text than it has. */
  readonly textDiffers: boolean;
}

/** The text that a link is restored with from its components: the plain relative way there. */
export function plainLinkText(link: readonly string[], components: readonly string[]): string {
  const text = posix.relative(`/${link.slice(0, -1).join('/')}`, `/${components.join('/')}`);
  return text === '' ? '.' : text;
}

/**
 * Reads the text of a link at `link` (components from the root).
 * @returns why it is refused, or its target
 */
export function readLink(link: readonly string[], text: string): LinkTarget | string {
  if (text === '') return 'is a link to nothing';
  if (text.startsWith('/')) return `is an absolute link (to ${text})`;
  const components = link.slice(0, -1);
  for (const part of text.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') components.push(part);
    else if (components.pop() === undefined) return `is a link that leads outside (to ${text})`;
  }
  return { components, textDiffers: plainLinkText(link, components) !== text };
}

/**
 * Whether following a link could leave the tree although its text alone does not: `a/..` leads to
 * the parent of what `a` points to, when `a` is a link itself. Links are followed as the kernel
 * does, by the texts in `links` (path with slashes → text), so that also a target that does not
 * exist yet cannot come to lie outside.
 */
export function leadsOutside(
  link: readonly string[],
  text: string,
  links: ReadonlyMap<string, string>,
): boolean {
  const place = link.slice(0, -1);
  const ahead = text.split('/').toReversed();
  let hops = 0;
  for (let part = ahead.pop(); part !== undefined; part = ahead.pop()) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (place.pop() === undefined) return true;
      continue;
    }
    const next = links.get([...place, part].join('/'));
    if (next === undefined) {
      place.push(part);
      continue;
    }
    if (next.startsWith('/')) return true;
    // A ring of links leads nowhere, neither inside nor outside.
    if (++hops > MOST_HOPS) return false;
    ahead.push(...next.split('/').toReversed());
  }
  return false;
}
