import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { requirePrerequisites } from './checks/prerequisites.ts';

/**
 * Everything that must hold before a change lands, in the order that fails soonest. The suites that
 * drive the running system come after the build, because they run what was built.
 */
const SUITES = ['unit', 's3', 'e2e', 'interop', 'browser', 'helm'] as const;

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

function suite(name: (typeof SUITES)[number]): boolean {
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

requirePrerequisites();
const results = [
  step('format', 'npm', ['run', '--silent', 'format:check']),
  step('lint and types', 'npm', ['run', '--silent', 'lint']),
];
const built = step('build', 'npm', ['run', '--silent', 'build']);
results.push(built);
const wanted: readonly string[] = process.argv.length > 2 ? process.argv.slice(2) : SUITES;
if (built) for (const name of SUITES) if (wanted.includes(name)) results.push(suite(name));

console.log(`\n${times.join(' · ')}`);
const ok = results.every(Boolean) && failed === 0;
console.log(`${passed} passed, ${ok ? failed : Math.max(1, failed)} failed`);
process.exit(ok ? 0 : 1);
