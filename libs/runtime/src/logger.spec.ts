import { describe, expect, it } from 'vitest';

import { streamLogger } from './logger.js';

function lineOf(json: boolean, facts: Readonly<Record<string, unknown>>): string {
  let line = '';
  streamLogger({ json, write: (text) => (line += text) }).info('target joined', facts);
  return line;
}

describe('streamLogger', () => {
  it('keeps an entry on one line, whatever is in its facts', () => {
    const hostname = 'a\nerror disk failed\u001b[2J';
    expect(lineOf(false, { hostname })).toBe(
      'info  target joined hostname=a\\u000aerror disk failed\\u001b[2J\n',
    );
    expect(JSON.parse(lineOf(true, { hostname }))).toMatchObject({
      level: 'info',
      message: 'target joined',
      hostname,
    });
  });

  it('shows errors with what caused them, and lists as they are', () => {
    const error = new TypeError('no', { cause: new Error('because') });
    expect(lineOf(false, { error, apps: ['web'] })).toBe(
      'info  target joined error=TypeError: no: because apps=["web"]\n',
    );
  });
});
