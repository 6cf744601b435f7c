import { parseConfig } from './config/config-parser.js';
import { runUntilStopped } from './origin-process.js';

await runUntilStopped(() => parseConfig(process.argv.slice(2), process.env));
