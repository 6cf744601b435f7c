import { configHelp, parseConfig } from './config/config-parser.js';
import { runUntilStopped } from './origin-process.js';

const flags = process.argv.slice(2);
if (flags.includes('--help')) process.stdout.write(configHelp());
else await runUntilStopped(() => parseConfig(flags, process.env));
