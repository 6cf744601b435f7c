import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

import {
  encodeAnnounceAnswer,
  encodeTrackerFailure,
  parseAnnounceQuery,
  type AnnounceQuery,
} from '#lib/wire';

import type { Reaction, TestTracker, TrackerKind } from './announcer.conformance.fixture.js';

export const FORM = { compact: true, noPeerId: true, flags: true };

/** An HTTP server on loopback in a tracker's place. */
export async function serveHttp(listener: RequestListener): Promise<TestTracker> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/announce/key/announce`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function queryOf(url: string | undefined): AnnounceQuery {
  return parseAnnounceQuery(url!.split('?')[1]!);
}

export const HTTP_TRACKER: TrackerKind = {
  name: 'HTTP',
  nobody: 'http://127.0.0.1:9',
  open: (react) =>
    serveHttp((request, response) => {
      const bytes = bytesOf(react(queryOf(request.url)));
      if (bytes) response.end(bytes);
    }),
};

function bytesOf(reaction: Reaction): Buffer | null {
  if (reaction === null) return null;
  if (reaction === 'nonsense') return Buffer.from('nonsense');
  if (reaction.type === 'failure') return encodeTrackerFailure(reaction);
  return encodeAnnounceAnswer(reaction, { ...FORM, flags: false });
}
