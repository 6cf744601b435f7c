import { agentHelp, parseAgentConfig } from './config/agent-config.js';

const flags = process.argv.slice(2);
if (flags.includes('--help')) process.stdout.write(agentHelp());
else {
  const { runAgentProcess } = await import('./agent-process.js');
  await runAgentProcess(() => parseAgentConfig(flags, process.env));
}
