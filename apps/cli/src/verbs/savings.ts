import type { Command } from 'commander';

import { Savings, type ArtifactSavings, type SavingsLine } from '#lib/contracts';

import { action } from '../action.js';
import type { Invocation } from '../invocation.js';
import { bytesText, percentText } from '../output/quantities.js';
import { facts, table } from '../output/table.js';

export function define(command: Command): void {
  command.action(action(savings));
}

async function savings(call: Invocation): Promise<void> {
  const known = await call.origin().get('/savings', Savings);
  call.output.result(known, () => {
    const total = facts({
      ...lineTexts(known),
      saved: `${percentText(known.ratio)} of what was delivered did not leave the origin`,
      ...Object.fromEntries(
        Object.entries(known.originByReason).map(([reason, bytes]) => [
          `origin (${reason})`,
          bytesText(bytes),
        ]),
      ),
    });
    if (known.artifacts.length === 0) return total;
    const titles = [
      'artifact',
      'release',
      'stages',
      'delivered',
      'origin',
      'peers',
      'reused',
      'residual',
      'saved',
    ];
    return `${total}\n\n${table(titles, known.artifacts.map(rowOf))}`;
  });
}

function lineTexts(line: SavingsLine): Record<string, string> {
  return {
    delivered: bytesText(line.delivered),
    origin: bytesText(line.origin),
    peers: bytesText(line.peers),
    reused: bytesText(line.reused),
    wasted: bytesText(line.wasted),
    residual: bytesText(line.residual),
  };
}

function rowOf(line: ArtifactSavings): string[] {
  const release = line.app === null || line.version === null ? '-' : `${line.app}@${line.version}`;
  const { delivered, origin, peers, reused, residual } = lineTexts(line);
  return [
    line.artifact.slice(0, 12),
    release,
    String(line.stages),
    delivered!,
    origin!,
    peers!,
    reused!,
    residual!,
    percentText(line.ratio),
  ];
}
