import { describe, expect, it } from 'vitest';

import { ApiClient } from './api.client.js';
import { follow, waitBeforeRetry, type FeedState } from './live.feed.js';
import { serve } from './local-server.fixture.js';

function clientOf(base: string): ApiClient {
  return new ApiClient({ token: () => 'secret', refused: () => {} }, base);
}

describe('follow', () => {
  it('opens a stream that broke again and goes on', async () => {
    let streams = 0;
    await using server = await serve((_request, response) => {
      streams++;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`: ping\n\ndata: {"stream":${streams}}\n\n`, () => {
        if (streams === 1) response.end();
        else if (streams === 2) setImmediate(() => response.destroy());
      });
    });
    const watching = new AbortController();
    const events: unknown[] = [];
    const states: FeedState['kind'][] = [];
    await follow(
      clientOf(server.base),
      'live',
      watching.signal,
      (event) => {
        events.push(event);
        if (events.length === 3) watching.abort();
      },
      ({ kind }) => {
        if (states.at(-1) !== kind) states.push(kind);
      },
    );
    expect(events).toEqual([{ stream: 1 }, { stream: 2 }, { stream: 3 }]);
    expect(states.slice(0, 4)).toEqual(['connecting', 'live', 'waiting', 'connecting']);
  });

  it('does not ask again for what the origin does not have', async () => {
    let asked = 0;
    await using server = await serve((_request, response) => {
      asked++;
      response.writeHead(404).end(JSON.stringify({ code: 'ARTIFACT_NOT_FOUND', detail: 'none' }));
    });
    const { signal } = new AbortController();
    const following = follow(
      clientOf(server.base),
      'live',
      signal,
      () => {},
      () => {},
    );
    await expect(following).rejects.toMatchObject({ code: 'ARTIFACT_NOT_FOUND' });
    expect(asked).toBe(1);
  });
});

describe('waitBeforeRetry', () => {
  it('grows to a limit, and differs between pages', () => {
    expect([1, 2, 3, 100].map((failures) => waitBeforeRetry(failures, 1))).toEqual([
      500, 1000, 2000, 15_000,
    ]);
    expect(waitBeforeRetry(3, 0)).toBe(1000);
  });
});
