import { Registry } from 'prom-client';
import { expect, it } from 'vitest';

import { S3Requests } from './s3-requests.js';

it('counts requests by what their answers mean, and times those that were answered', async () => {
  const requests = new S3Requests();
  for (const status of [200, 206, 404, 412, 503, 403, 500, null]) {
    requests.note({ operation: 'GetObject', status, ms: 60 });
  }
  const registry = new Registry();
  for (const metric of requests.metrics) registry.registerMetric(metric);
  const text = await registry.metrics();
  const counts = text.matchAll(/requests_total\{operation="GetObject",outcome="(.+)"\} (\d+)/g);
  expect(Object.fromEntries([...counts].map(([, outcome, count]) => [outcome, count]))).toEqual({
    ok: '2',
    absent: '1',
    unmet: '1',
    'slow-down': '1',
    refused: '1',
    failed: '1',
    unanswered: '1',
  });
  expect(text).toContain('s3_request_seconds_bucket{le="0.05",operation="GetObject"} 0\n');
  expect(text).toContain('s3_request_seconds_bucket{le="0.1",operation="GetObject"} 7\n');
});
