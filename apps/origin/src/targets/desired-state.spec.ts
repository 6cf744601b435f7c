import { describe, expect, it } from 'vitest';

import type { ArtifactSummary } from '#lib/contracts';

import { desiredState, type ChannelHead } from './desired-state.js';

const artifact: ArtifactSummary = {
  artifact: 'a'.repeat(64),
  infoHashV1: null,
  infoHashV2: 'a'.repeat(64),
  name: 'web',
  single: false,
  bytes: 5,
  files: 1,
  pieces: 1,
  pieceLength: 65_536,
};

function head(app: string, channel: string, sequence: number, version: string): ChannelHead {
  return {
    state: {
      app,
      channel,
      sequence,
      version,
      artifact: artifact.artifact,
      policy: 'immediate',
      movedAt: 1,
      movedBy: 'ci',
    },
    artifact,
  };
}

describe('desiredState', () => {
  it('is the newest entry of each channel that is followed, in order of names', () => {
    const heads: Record<string, ChannelHead> = {
      'web@stable': head('web', 'stable', 4, '1.2'),
      'web@canary': head('web', 'canary', 9, '1.3'),
      'api@stable': head('api', 'stable', 1, '7'),
    };
    const followed = [
      { app: 'web', channel: 'stable' },
      { app: 'api', channel: 'stable' },
      { app: 'web', channel: 'stable' },
    ];
    expect(desiredState(followed, (app, channel) => heads[`${app}@${channel}`] ?? null)).toEqual([
      {
        app: 'api',
        channel: 'stable',
        sequence: 1,
        release: { version: '7', artifact },
        activate: true,
      },
      {
        app: 'web',
        channel: 'stable',
        sequence: 4,
        release: { version: '1.2', artifact },
        activate: true,
      },
    ]);
  });

  it('says of a channel that points nowhere that nothing is wanted yet', () => {
    expect(desiredState([{ app: 'web', channel: 'stable' }], () => null)).toEqual([
      { app: 'web', channel: 'stable', sequence: 0, release: null, activate: false },
    ]);
  });
});
