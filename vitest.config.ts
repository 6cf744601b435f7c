import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

// A long fuzz takes as long as it takes (CONTRIBUTING.md).
const unitTimeout = process.env['FLEETSEED_FUZZ_RUNS'] ? 3_600_000 : 30_000;

// The suites under test/ start real processes from dist/ and wait for them most of the time. No more
// than two files at once: swarms side by side take the cores from each other.
const system = { maxWorkers: 2, testTimeout: 120_000, hookTimeout: 120_000 };

// Packages are loaded by Node itself, which knows no condition for bundlers.
const conditions = defaultServerConditions.filter((condition) => condition !== 'module');

export default defineConfig({
  ssr: { resolve: { conditions: ['source', ...conditions] } },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{apps,libs}/*/src/**/*.spec.ts', 'test/{simulation,support}/**/*.spec.ts'],
          setupFiles: ['test/support/fuzz.setup.ts'],
          maxWorkers: '100%',
          testTimeout: unitTimeout,
        },
      },
      { extends: true, test: { name: 's3', include: ['test/s3/**/*.s3-spec.ts'], ...system } },
      { extends: true, test: { name: 'e2e', include: ['test/e2e/**/*.e2e-spec.ts'], ...system } },
      {
        extends: true,
        test: {
          name: 'chaos',
          include: ['test/chaos/**/*.chaos-spec.ts'],
          ...system,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: { name: 'interop', include: ['test/interop/**/*.interop-spec.ts'], ...system },
      },
      {
        extends: true,
        test: { name: 'browser', include: ['test/browser/**/*.browser-spec.ts'], ...system },
      },
      {
        extends: true,
        test: { name: 'helm', include: ['test/helm/**/*.helm-spec.ts'], ...system },
      },
    ],
  },
});
