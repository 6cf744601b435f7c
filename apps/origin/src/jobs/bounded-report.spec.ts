import { describe, expect, it } from 'vitest';

import { boundedReport } from './bounded-report.js';

const names = (count: number) => Array.from({ length: count }, (_, index) => `name-${index}`);

describe('a report that a job results in', () => {
  it('is left as it is when it is small', () => {
    const report = { v: 1, one: names(100), two: [] };
    expect(boundedReport(report, ['one', 'two'])).toBe(report);
  });

  it('loses the ends of its longest lists, and nothing else, when it is large', () => {
    const report = { v: 1, one: names(50_000), two: names(10), three: names(20_000) };
    const bounded = boundedReport(report, ['one', 'two', 'three']);
    expect(JSON.stringify(bounded).length).toBeLessThanOrEqual(128 * 1024);
    expect(bounded.two).toEqual(report.two);
    expect(bounded.one).toEqual(report.one.slice(0, bounded.one.length));
    expect(bounded.one.length).toBeGreaterThan(1000);
  });

  it('gives up on one that is large without its lists', () => {
    const report = { text: 'x'.repeat(200_000), list: names(3) };
    expect(boundedReport(report, ['list']).list).toEqual([]);
  });
});
