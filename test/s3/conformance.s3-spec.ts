import { afterAll, beforeAll } from 'vitest';

import { depotConformance } from '../../libs/depot/src/depot.conformance.fixture.js';
import { startS3Server, type S3Server } from '../support/s3/s3-server.js';
import { openDepot } from '../support/s3/test-depot.js';

let server: S3Server;
beforeAll(async () => {
  server = await startS3Server();
}, 1_200_000);
afterAll(() => server.stop());

depotConformance('s3', async () => {
  const depot = await openDepot(server);
  return { depot, dispose: () => depot.close() };
});
