import { describe, expect, it } from 'vitest';

import { parseAgentConfig } from './agent-config.js';

const origin = ['--origin', 'https://origin.example'];

function invalid(key: string) {
  return expect.objectContaining({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining(`--${key}`) as string,
  }) as unknown;
}

describe('configuration of the agent', () => {
  it('reads repeated labels and apps with their folders', () => {
    const flags = ['--label', 'zone=a', '--label', 'rack=r7', '--app', 'web@stable=/srv/web'];
    const config = parseAgentConfig([...origin, ...flags, '--app', 'db@canary'], {});
    expect(config.labels).toEqual({ zone: 'a', rack: 'r7' });
    expect(config.apps).toEqual([
      { app: 'web', channel: 'stable', home: '/srv/web' },
      { app: 'db', channel: 'canary', home: null },
    ]);
  });

  it('reads lists from variables, comma-separated', () => {
    const config = parseAgentConfig([], {
      FLEETSEED_ORIGIN: 'http://127.0.0.1:1',
      FLEETSEED_LABEL: 'zone=a,rack=r7',
      FLEETSEED_APP: 'web@stable',
    });
    expect(config.labels).toEqual({ zone: 'a', rack: 'r7' });
    expect(config.apps).toHaveLength(1);
  });

  it('names the key of a bad value', () => {
    expect(() => parseAgentConfig([], {})).toThrow(invalid('origin'));
    expect(() => parseAgentConfig([...origin, '--label', 'zone'], {})).toThrow(invalid('label'));
    expect(() => parseAgentConfig([...origin, '--app', 'web'], {})).toThrow(invalid('app'));
    expect(() => parseAgentConfig([...origin, '--listen', 'here'], {})).toThrow(invalid('listen'));
    expect(() => parseAgentConfig([...origin, '--listen', '0.0.0.0:70000'], {})).toThrow(
      invalid('listen'),
    );
    expect(() => parseAgentConfig([...origin, '--app', 'web@stable='], {})).toThrow(invalid('app'));
    const twice = ['--app', 'web@a', '--app', 'web@b'];
    expect(() => parseAgentConfig([...origin, ...twice], {})).toThrow(invalid('app'));
    expect(() => parseAgentConfig(['--orign', 'x'], {})).toThrow(
      expect.objectContaining({ code: 'USAGE' }),
    );
  });
});
