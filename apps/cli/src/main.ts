import { enableCompileCache } from 'node:module';

// First, so that it covers every module that follows: a start from the cache takes half the time.
enableCompileCache();

const { runCommandLine } = await import('./command-line.js');
const exit = await runCommandLine(process.argv.slice(2));
// Not process.exit: what was written to a pipe must still leave, and services go on running.
if (exit !== 0) process.exitCode = exit;
