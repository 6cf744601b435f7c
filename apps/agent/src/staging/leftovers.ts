/** What a stage, a repair or a removal adds to the name of what it works on. */
const SUFFIX = /(?:\.partial|\.repair)?(?:\.meta)?$/;
const PREFIX = '.removed-';

/** The name under which a release is taken away, so that what is half removed looks like none. */
export function removedName(folder: string): string {
  return `${PREFIX}${folder}`;
}

/**
 * Names below `releases/` that an interrupted stage, repair or removal left behind. What belongs to a
 * release that stands is its own; what belongs to `staged`, which is about to be staged, is of use.
 */
export function leftovers(names: readonly string[], staged: string): string[] {
  const standing = new Set(names);
  return names.filter((name) => {
    if (name.startsWith(PREFIX)) return true;
    const base = name.replace(SUFFIX, '');
    if (base === name || base === staged) return false;
    return name.startsWith(`${base}.partial`) || !standing.has(base);
  });
}
