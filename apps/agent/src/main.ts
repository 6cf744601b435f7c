import { agentHelp, parseAgentConfig } from './config/agent-config.js';
import { startFrugally } from './memory/frugal-start.js';

const flags = process.argv.slice(2);
if (flags.includes('--help')) process.stdout.write(agentHelp());
else {
  const { runAgentProcess } = await import('./agent-process.js');
  startFrugally();
  await runAgentProcess(() => parseAgentConfig(flags, process.env));
}
