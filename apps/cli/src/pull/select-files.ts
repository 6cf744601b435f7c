import { FleetseedError } from '#lib/contracts';
import { selectablePaths, selectPaths, type Selection } from '#lib/swarm';
import type { Metainfo } from '#lib/torrent';

import { suggestion } from '../connection/origin-api.js';

/**
 * What `--select` asks for.
 * @throws FleetseedError PATH_NOT_FOUND with names that are near, USAGE for an artifact that is one file
 */
export function selectFiles(metainfo: Metainfo, paths: readonly string[]): Selection {
  if (metainfo.single) {
    const text = `"${metainfo.name}" is one file: there is nothing to select.`;
    throw new FleetseedError('USAGE', text, { hint: 'leave out --select' });
  }
  const selected = selectPaths(metainfo, paths);
  if (!('unknown' in selected)) return selected;
  const [path] = selected.unknown;
  const hint = suggestion(path!, selectablePaths(metainfo), 'paths');
  const text = `The release has no file or folder "${path}".`;
  throw new FleetseedError('PATH_NOT_FOUND', text, hint === null ? {} : { hint });
}

/**
 * The one file that goes to stdout, as an index into `metainfo.files`.
 * @throws FleetseedError USAGE when it is not one regular file, PATH_NOT_FOUND
 */
export function fileToStream(metainfo: Metainfo, paths: readonly string[]): number {
  if (metainfo.single && paths.length === 0) return 0;
  if (paths.length === 0) {
    throw new FleetseedError('USAGE', `"${metainfo.name}" is a tree; --stdout takes one file.`, {
      hint: `choose a file with --select PATH, or pull the tree with --out FOLDER${exampleOf(metainfo)}`,
    });
  }
  const [path] = paths;
  const selection = selectFiles(metainfo, paths);
  const covered = [...metainfo.files.entries()].filter(([, file]) => isShown(file.path, selection));
  const [[index, file]] = covered as [(typeof covered)[0]];
  if (covered.length > 1 || file.path.join('/') !== normal(path!)) {
    throw new FleetseedError('USAGE', `"${path}" is a folder; --stdout takes one file.`, {
      hint: `files in it: ${covered
        .slice(0, 5)
        .map(([, each]) => each.path.join('/'))
        .join(', ')}`,
    });
  }
  if (file.symlink === null) return index;
  const target = file.symlink.join('/');
  throw new FleetseedError('USAGE', `"${path}" is a link.`, { hint: `it leads to "${target}"` });
}

function exampleOf({ files }: Metainfo): string {
  const file = files.find(({ path, symlink }) => symlink === null && path[0] !== META_FOLDER);
  return file ? ` (for example --select ${file.path.join('/')})` : '';
}

const META_FOLDER = '.fleetseed';

function isShown(path: readonly string[], selection: Selection): boolean {
  return path[0] !== META_FOLDER && selection.covers(path);
}

function normal(path: string): string {
  return path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}
