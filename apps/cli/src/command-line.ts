import { hostFor, isStreaming } from './output/streaming.js';
import { ASKED, SERVICES } from './verb-table.js';

/**
 * Runs one command line (without `node` and the script) and gives the exit code; errors are on
 * stderr by then. For a service it returns once that has started.
 *
 * What a verb needs is loaded when it is called: a service carries nothing of the others in its memory.
 */
export async function runCommandLine(given: readonly string[]): Promise<number> {
  const args = given[0] === 'help' ? [...given.slice(1), '--help'] : [...given];
  try {
    const [verb = '', ...rest] = args;
    if (Object.hasOwn(SERVICES, verb) && !ASKED[verb]?.includes(rest[0] ?? '')) {
      const { startService } = await import('./verbs/service.js');
      await startService(verb, rest);
      return 0;
    }
    // Who writes the content hears of it from each write; the same error is an event, too.
    if (isStreaming(args)) process.stdout.on('error', () => {});
    else leaveQuietlyWhenReaderIsGone();
    process.stderr.on('error', () => {});
    if (args.length === 1 && args[0] === '--version') {
      const { productVersion } = await import('#lib/runtime');
      process.stdout.write(`${productVersion()}\n`);
      return 0;
    }
    const { runVerb } = await import('./root-command.js');
    return await runVerb(args);
  } catch (thrown) {
    const { reportError } = await import('./output/error-report.js');
    const exit = reportError(thrown, args.includes('--json'), hostFor(args));
    // Nobody takes what is still on its way, and waiting for that would be for ever.
    if (isStreaming(args) && process.stdout.writableLength > 0) process.exit(exit);
    return exit;
  }
}

/** `fleetseed release list … | head` is no error, and no verb fails because nobody reads its notes. */
function leaveQuietlyWhenReaderIsGone(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}
