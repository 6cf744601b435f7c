import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

// FLEETSEED_ORIGIN lets `vite apps/dashboard` show the page against a running origin.
const origin = process.env['FLEETSEED_ORIGIN'] ?? 'http://127.0.0.1:7070';

export default defineConfig({
  root: import.meta.dirname,
  // Relative addresses: the page also works below a path of a reverse proxy.
  base: './',
  plugins: [svelte()],
  build: {
    outDir: '../../dist/apps/dashboard',
    emptyOutDir: true,
    // Inlined files would be data: URLs, which the origin's content policy allows for images only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: { proxy: { '/api': { target: origin } } },
});
