import type { Request, Response } from 'express';
import { describe, expect, it } from 'vitest';

import { FleetseedError } from '#lib/contracts';
import { streamLogger } from '#lib/runtime';

import { ProblemFilter } from './problem.filter.js';

function loggedFor(originalUrl: string): string {
  let log = '';
  const filter = new ProblemFilter(streamLogger({ json: true, write: (line) => (log += line) }));
  const request = { method: 'GET', originalUrl } as Request;
  const response = { headersSent: true, destroy: () => undefined } as unknown as Response;
  filter.answer(new FleetseedError('DISK_IO', 'The disk failed.'), request, response);
  return log;
}

describe('ProblemFilter', () => {
  it('logs faults of ours with their path, but no key that a path or query holds', () => {
    expect(loggedFor('/api/v1/apps/web?after=x')).toContain('"path":"/api/v1/apps/web"');
    expect(loggedFor('/webseed/a.secret/0f/web/a')).toContain('"path":"/webseed/…/0f/web/a"');
    expect(loggedFor('/announce/a.secret/announce?info_hash=1')).not.toContain('secret');
  });
});
