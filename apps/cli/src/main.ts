import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// First, so that it covers every module that follows. In the build, because code in a folder that others
// can write to, as the one for temporary files, would be theirs; where we cannot write, there is none.
enableCompileCache(join(import.meta.dirname, 'compile-cache'));

const { runCommandLine } = await import('./command-line.js');
const exit = await runCommandLine(process.argv.slice(2));
// Not process.exit: what was written to a pipe must still leave, and services go on running.
if (exit !== 0) process.exitCode = exit;
