import { runAgentProcess } from './agent-process.js';
import { agentHelp, parseAgentConfig } from './config/agent-config.js';

const flags = process.argv.slice(2);
if (flags.includes('--help')) process.stdout.write(agentHelp());
else await runAgentProcess(() => parseAgentConfig(flags, process.env));
