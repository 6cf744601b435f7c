import { join } from 'node:path';

import { defineConfig, type Plugin } from 'vite';

const BUILT = join(import.meta.dirname, 'dist');

/**
 * V8 keeps the text of a module as long as it runs, with two bytes a character when a single one is beyond Latin-1:
 * for the agent that were 0.5 MB. Such characters stand in texts, patterns and comments, where an escape means the same.
 */
const latin1: Plugin = {
  name: 'latin1',
  // At the very end: whoever prints the code again would take the escapes back.
  generateBundle(_, bundle) {
    for (const output of Object.values(bundle)) {
      if (output.type === 'chunk') output.code = output.code.replaceAll(BEYOND_LATIN1, escaped);
    }
  },
};
const BEYOND_LATIN1 = /[^\0-\xff]/g;
const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;

/**
 * A chunk made of an index names every chunk that the index leads to, also those of which it gives nothing on: to
 * say its version the command would load the whole engine. No module of ours does anything by being loaded.
 */
const onlyWhatIsUsed: Plugin = {
  name: 'only-what-is-used',
  generateBundle(_, bundle) {
    for (const output of Object.values(bundle)) {
      if (output.type === 'chunk') output.code = output.code.replaceAll(IMPORT_OF_NOTHING, '');
    }
  },
};
const IMPORT_OF_NOTHING = /^import "\.\/[^"]+";\n/gm;

/**
 * The command and the agent in a few files, made of what the compiler made: to find and to link some
 * three hundred modules takes longer than all that a short command does. Code on threads is a file of its own.
 */
export default defineConfig({
  // There are no static files.
  publicDir: false,
  plugins: [latin1, onlyWhatIsUsed],
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
