import { Command, CommanderError } from 'commander';

import { hostFor } from './output/streaming.js';
import { SERVICES, VERBS } from './verb-table.js';

const EXIT_USAGE = 2;

/**
 * Runs a verb and gives its exit code; what commander finds wrong is on stderr by then.
 * @throws what the verb throws
 */
export async function runVerb(args: string[]): Promise<number> {
  try {
    await rootCommand().parseAsync(args, { from: 'user' });
    return 0;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return await reportUsage(thrown, args);
    throw thrown;
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
  for (const [name, summary] of Object.entries(SERVICES)) {
    if (!Object.hasOwn(VERBS, name)) root.command(name).description(summary);
  }
  root.hook('preSubcommand', async (_root, verb) => {
    const entry = VERBS[verb.name()];
    if (entry) (await entry.load()).define(verb);
  });
  return root;
}

const HELP_CODES = new Set(['commander.helpDisplayed', 'commander.help', 'commander.version']);

async function reportUsage(error: CommanderError, args: string[]): Promise<number> {
  // Asked for, help is a success; a verb without its sub-command got the help as its answer.
  if (HELP_CODES.has(error.code)) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  const verb = args.find((arg) => Object.hasOwn(VERBS, arg));
  const hint =
    suggestion?.replace(/^\((.*)\)$/, '$1') ?? `see: fleetseed ${verb ? `${verb} ` : ''}--help`;
  const { reportError } = await import('./output/error-report.js');
  const { FleetseedError } = await import('#lib/contracts');
  const usage = new FleetseedError('USAGE', sentence(message), { hint });
  return reportError(usage, args.includes('--json'), hostFor(args));
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}
