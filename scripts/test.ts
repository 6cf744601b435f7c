import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { hasStore, requirePrerequisites } from './checks/prerequisites.ts';

/**
 * Everything that must hold before a change lands, in the order that fails soonest. The suites that
 * drive the running system come after the build, because they run what was built.
 */
const SUITES = ['unit', 's3', 'e2e', 'chaos', 'interop', 'browser', 'helm'] as const;
/** What needs an S3 store, which neither npm nor Debian has. */
const ON_S3: readonly string[] = ['s3', 'chaos'];
const NO_STORE =
  'there is no S3 store: install Go 1.25 or newer (https://go.dev/dl), with which versitygw is built once,' +
  ' or set FLEETSEED_TEST_S3_URL=http://KEY:SECRET@HOST:PORT/BUCKET.';

let passed = 0;
let failed = 0;
const times: string[] = [];

function step(name: string, command: string, words: readonly string[]): boolean {
  console.log(`\n── ${name}`);
  const began = performance.now();
  const { status } = spawnSync(command, words, { stdio: 'inherit' });
  times.push(`${name} ${((performance.now() - began) / 1000).toFixed(1)} s`);
  if (status !== 0) console.error(`── ${name} failed`);
  return status === 0;
}

function suite(name: string): boolean {
  const report = join(mkdtempSync(join(tmpdir(), 'fleetseed-test-')), 'report.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const ok = step(name, 'vitest', ['run', '--project', name, ...reporters]);
  try {
    const counts = JSON.parse(readFileSync(report, 'utf8')) as Record<string, number>;
    passed += counts['numPassedTests'] ?? 0;
    failed += counts['numFailedTests'] ?? 0;
    if (counts['numTotalTests'] === 0) failed += 1;
  } catch {
    failed += 1;
  }
  return ok;
}

/** On a machine of one's own what can run does; where changes land, nothing is left out. */
function suitesToRun(): string[] {
  const named = process.argv.slice(2);
  const unknown = named.filter((name) => !SUITES.some((each) => each === name));
  if (unknown.length > 0) {
    console.error(`There is no suite ${unknown.join(', ')}; there are ${SUITES.join(', ')}.`);
    process.exit(2);
  }
  const wanted = SUITES.filter((name) => named.length === 0 || named.includes(name));
  const lacking = hasStore() ? [] : wanted.filter((name) => ON_S3.includes(name));
  if (lacking.length === 0) return wanted;
  if (process.env['CI'] || named.length > 0) {
    console.error(`Cannot run ${lacking.join(', ')}: ${NO_STORE}`);
    process.exit(1);
  }
  console.log(`Left out: ${lacking.join(', ')}; ${NO_STORE}`);
  return wanted.filter((name) => !lacking.includes(name));
}

const suites = suitesToRun();
requirePrerequisites();
const results = [
  step('format', 'npm', ['run', '--silent', 'format:check']),
  step('lint and types', 'npm', ['run', '--silent', 'lint']),
];
const built = step('build', 'npm', ['run', '--silent', 'build']);
results.push(built);
if (built) for (const name of suites) results.push(suite(name));

console.log(`\n${times.join(' · ')}`);
if (suites.length < SUITES.length) console.log(`Only ${suites.join(', ')} ran.`);
const ok = results.every(Boolean) && failed === 0;
console.log(`${passed} passed, ${ok ? failed : Math.max(1, failed)} failed`);
process.exit(ok ? 0 : 1);
