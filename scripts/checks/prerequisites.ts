import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** A program that the tests drive and that npm does not bring. */
interface Prerequisite {
  readonly debianPackage: string;
  readonly purpose: string;
  isThere(): boolean;
}

const inPath = (program: string) => () =>
  (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(`${folder}/${program}`));

const PREREQUISITES: readonly Prerequisite[] = [
  { debianPackage: 'chromium', purpose: 'browser tests', isThere: inPath('chromium') },
  { debianPackage: 'aria2', purpose: 'interop tests', isThere: inPath('aria2c') },
  {
    debianPackage: 'transmission-daemon',
    purpose: 'interop tests',
    isThere: inPath('transmission-daemon'),
  },
  {
    debianPackage: 'python3-libtorrent',
    purpose: 'interop tests and the metainfo oracle',
    isThere: () => spawnSync('/usr/bin/python3', ['-c', 'import libtorrent']).status === 0,
  },
  { debianPackage: 'opentracker', purpose: 'interop tests', isThere: inPath('opentracker') },
  {
    debianPackage: 'nginx-light',
    purpose: 'interop tests',
    isThere: () => existsSync('/usr/sbin/nginx'),
  },
  { debianPackage: 'curl', purpose: 'upload tests', isThere: inPath('curl') },
  {
    debianPackage: 'redis-server',
    purpose: 'tests of the job queue and the tracker of replicas',
    isThere: inPath('redis-server'),
  },
];

/** Installs what is lacking where that is possible; otherwise names it and how to get it. */
export function requirePrerequisites(): void {
  const lacking = PREREQUISITES.filter((each) => !each.isThere());
  if (lacking.length === 0) return;
  const packages = lacking.map((each) => each.debianPackage);
  if (process.getuid?.() === 0 && inPath('apt-get')()) {
    console.log(`Installing for the tests: ${packages.join(' ')}`);
    apt('update');
    apt('install', '-y', '--no-install-recommends', ...packages);
  }
  const still = PREREQUISITES.filter((each) => !each.isThere());
  if (still.length === 0) return;
  for (const each of still) console.error(`Missing for ${each.purpose}: ${each.debianPackage}`);
  console.error(
    `Get it with: sudo apt-get install ${still.map((each) => each.debianPackage).join(' ')}`,
  );
  process.exit(1);
}

/** Whether there is a store for the tests on S3: one that is named, or Go, which builds one. */
export function hasStore(): boolean {
  return Boolean(process.env['FLEETSEED_TEST_S3_URL']) || inPath('go')();
}

function apt(...words: string[]): void {
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync('apt-get', ['-q', ...words], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: environment,
  });
}
