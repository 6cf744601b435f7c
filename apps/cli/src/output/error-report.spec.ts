import { describe, expect, it } from 'vitest';

import { ERROR_CODES, EXIT, FleetseedError, type ErrorCode } from '#lib/contracts';

import { errorText, reportError } from './error-report.js';

function report(thrown: unknown, json: boolean, env: Record<string, string> = {}) {
  const host = { out: '', err: '' };
  const exit = reportError(thrown, json, {
    stdout: { write: (text: string) => (host.out += text) },
    stderr: { write: (text: string) => (host.err += text) },
    env,
  });
  return { exit, ...host };
}

describe('a report of a failure', () => {
  it('is one line with the code, and a hint where there is something to do', () => {
    const error = new FleetseedError('TOKEN_MISSING', 'A token is needed.');
    expect(report(error, false)).toEqual({
      exit: EXIT.notAllowed,
      out: '',
      err: 'error: A token is needed. (TOKEN_MISSING)\nhint: give --token-file FILE or set FLEETSEED_TOKEN\n',
    });
  });

  it('is also JSON on stdout when that is asked for', () => {
    const error = new FleetseedError('VERSION_NOT_FOUND', 'There is no web@2.');
    const { exit, out } = report(error, true);
    expect(exit).toBe(EXIT.notFound);
    expect(JSON.parse(out)).toEqual({
      error: { code: 'VERSION_NOT_FOUND', detail: 'There is no web@2.' },
    });
  });

  it('prefers the hint of the error to that of its code', () => {
    const error = new FleetseedError('TOKEN_MISSING', 'No.', { hint: 'ask Ada' });
    expect(errorText(error)).toBe('error: No. (TOKEN_MISSING)\nhint: ask Ada');
  });

  it('keeps text from outside on its one line', () => {
    const error = new FleetseedError('INTERNAL', 'a\nerror: b\u001b[31m');
    expect(errorText(error)).toBe('error: a\\x0aerror: b\\x1b[31m (INTERNAL)');
  });

  it('shows where it came from only when debugging', () => {
    const error = new FleetseedError('INTERNAL', 'Broken.', {}, { cause: new Error('inner') });
    expect(report(error, false).err).not.toContain('inner');
    expect(report(error, false, { FLEETSEED_DEBUG: '1' }).err).toContain('caused by Error: inner');
  });

  it('exits with the documented number for every kind of failure', () => {
    const expected: Partial<Record<ErrorCode, number>> = {
      INTERNAL: 1,
      USAGE: 2,
      FORBIDDEN: 3,
      APP_NOT_FOUND: 4,
      VERSION_TAKEN: 5,
      TIMED_OUT: 6,
    };
    for (const [code, exit] of Object.entries(expected)) {
      expect(report(new FleetseedError(code as ErrorCode, 'x.'), false).exit).toBe(exit);
    }
    const exits = Object.keys(ERROR_CODES).map(
      (code) => report(new FleetseedError(code as ErrorCode, 'x.'), false).exit,
    );
    expect(new Set(exits)).toEqual(new Set([1, 2, 3, 4, 5, 6]));
  });

  it('takes any thrown value', () => {
    expect(report('oops', false)).toEqual({ exit: 1, out: '', err: 'error: oops (INTERNAL)\n' });
  });
});
