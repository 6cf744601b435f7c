import { Command, CommanderError } from 'commander';

import { SERVICES, VERBS } from './verb-table.js';

const EXIT_USAGE = 2;

/**
 * Runs one command line (without `node` and the script) and gives the exit code; errors are on
 * stderr by then. For a service it returns once that has started.
 */
export async function runCommandLine(given: readonly string[]): Promise<number> {
  const args = given[0] === 'help' ? [...given.slice(1), '--help'] : [...given];
  try {
    if (args[0] !== undefined && Object.hasOwn(SERVICES, args[0])) {
      const { startService } = await import('./verbs/service.js');
      await startService(args[0], args.slice(1));
      return 0;
    }
    leaveQuietlyWhenReaderIsGone();
    if (args.length === 1 && args[0] === '--version') {
      const { productVersion } = await import('#lib/runtime');
      process.stdout.write(`${productVersion()}\n`);
      return 0;
    }
    await rootCommand().parseAsync(args, { from: 'user' });
    return 0;
  } catch (thrown) {
    const json = args.includes('--json');
    return thrown instanceof CommanderError
      ? await reportUsage(thrown, args, json)
      : await reportFailure(thrown, json);
  }
}

function rootCommand(): Command {
  const root = new Command('fleetseed')
    .description('Deliver builds to a fleet: pushed once, pulled from the neighbours.')
    .option('--origin <url>', 'the origin to talk to (or FLEETSEED_ORIGIN)')
    .option('--token-file <file>', 'file that holds the token (or the token in FLEETSEED_TOKEN)')
    .option('--ca-file <file>', "PEM file of the authority behind the origin's certificate")
    .option('--json', 'print results as JSON on stdout')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => {} })
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 failed, 2 usage, 3 not allowed, 4 not found, 5 conflict, 6 timed out.',
    )
    .exitOverride();
  for (const [name, { summary }] of Object.entries(VERBS)) root.command(name).description(summary);
  for (const [name, summary] of Object.entries(SERVICES)) root.command(name).description(summary);
  root.hook('preSubcommand', async (_root, verb) => {
    const entry = VERBS[verb.name()];
    if (entry) (await entry.load()).define(verb);
  });
  return root;
}

const HELP_CODES = new Set(['commander.helpDisplayed', 'commander.help', 'commander.version']);

async function reportUsage(error: CommanderError, args: string[], json: boolean): Promise<number> {
  // Asked for, help is a success; a verb without its sub-command got the help as its answer.
  if (HELP_CODES.has(error.code)) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  const { reportError } = await import('./output/error-report.js');
  const { FleetseedError } = await import('#lib/contracts');
  const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  const verb = args.find((arg) => Object.hasOwn(VERBS, arg));
  const hint =
    suggestion?.replace(/^\((.*)\)$/, '$1') ?? `see: fleetseed ${verb ? `${verb} ` : ''}--help`;
  return reportError(new FleetseedError('USAGE', sentence(message), { hint }), json, process);
}

async function reportFailure(thrown: unknown, json: boolean): Promise<number> {
  const { reportError } = await import('./output/error-report.js');
  return reportError(thrown, json, process);
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}

/** `fleetseed release list … | head` is no error, and no verb fails because nobody reads its notes. */
function leaveQuietlyWhenReaderIsGone(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  process.stderr.on('error', () => {});
}
