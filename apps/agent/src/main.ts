import { setFlagsFromString } from 'node:v8';

import { agentHelp, parseAgentConfig } from './config/agent-config.js';

const flags = process.argv.slice(2);
if (flags.includes('--help')) process.stdout.write(agentHelp());
else {
  const { runAgentProcess } = await import('./agent-process.js');
  // The young generation of the heap would grow over the start, and stay large in a process that then
  // allocates next to nothing. Not before the modules are loaded: under another set of flags V8 takes no
  // code from a cache, neither Node's own nor ours.
  setFlagsFromString('--semi-space-growth-factor=1');
  await runAgentProcess(() => parseAgentConfig(flags, process.env));
}
