import { join } from 'node:path';

import { defineConfig } from 'vite';

const BUILT = join(import.meta.dirname, 'dist');

/**
 * The command and the agent in a few files, made of what the compiler made: to find and to link some
 * three hundred modules takes longer than all that a short command does. Code on threads is a file of its own.
 */
export default defineConfig({
  // There are no static files.
  publicDir: false,
  // Nothing is left in node_modules but what the origin needs.
  ssr: { noExternal: true },
  build: {
    ssr: true,
    outDir: join(BUILT, 'bundle'),
    emptyOutDir: true,
    target: 'node26',
    minify: false,
    rolldownOptions: {
      input: {
        fleetseed: join(BUILT, 'apps/cli/src/main.js'),
        agent: join(BUILT, 'apps/agent/src/main.js'),
        // Started by its name, as a thread.
        'hash-worker': join(BUILT, 'libs/swarm/src/hashing/hash-worker.js'),
      },
      // A module from which nothing is taken is left out, and what it imports with it.
      treeshake: { moduleSideEffects: false },
      output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
});
