import { defaultServerConditions } from 'vite';
import { defineConfig } from 'vitest/config';

// A long fuzz takes as long as it takes (CONTRIBUTING.md).
const unitTimeout = process.env['FLEETSEED_FUZZ_RUNS'] ? 3_600_000 : 30_000;

// The suites under test/ start real processes from dist/, so they run one file at a time:
// two swarms at once on two cores would measure each other.
const system = { fileParallelism: false, testTimeout: 120_000, hookTimeout: 120_000 };

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
          testTimeout: unitTimeout,
        },
      },
      { extends: true, test: { name: 's3', include: ['test/s3/**/*.s3-spec.ts'], ...system } },
      { extends: true, test: { name: 'e2e', include: ['test/e2e/**/*.e2e-spec.ts'], ...system } },
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
