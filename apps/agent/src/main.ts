import { setFlagsFromString } from 'node:v8';

// Before anything else is loaded: the young generation of the heap would grow to 16 MB over it, and stay
// so large in a process that then allocates next to nothing.
setFlagsFromString('--semi-space-growth-factor=1');

const { agentHelp, parseAgentConfig } = await import('./config/agent-config.js');
const flags = process.argv.slice(2);
if (flags.includes('--help')) process.stdout.write(agentHelp());
else {
  const { runAgentProcess } = await import('./agent-process.js');
  await runAgentProcess(() => parseAgentConfig(flags, process.env));
}
