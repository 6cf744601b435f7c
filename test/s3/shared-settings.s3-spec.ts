import { existsSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { runFleetseed, type Environment } from '../support/processes.js';
import { s3Environment } from '../support/s3/s3-environment.js';
import { startS3Server, type S3Server } from '../support/s3/s3-server.js';
import { Sandbox } from '../support/sandbox.js';

let server: S3Server;
let sandbox: Sandbox;
beforeAll(async () => {
  server = await startS3Server();
  sandbox = await Sandbox.create();
}, 1_200_000);
afterAll(async () => {
  await sandbox.close();
  await server.stop();
});

/** Starts an origin that is expected to refuse. */
async function refused(env: Environment, ...args: string[]): Promise<string> {
  const data = sandbox.path('never-made');
  const words = ['origin', '--data', data, '--listen', '127.0.0.1:0', ...args];
  const { exit, stdout, stderr } = await runFleetseed(words, { env });
  expect({ exit, stdout, stderr }).toMatchObject({ exit: 2, stdout: '' });
  expect(existsSync(data)).toBe(false);
  return stderr;
}

const tokensOf = (data: string) => [
  '--admin-token-file',
  `${data}/admin-token`,
  '--join-token-file',
  `${data}/join-token`,
];

describe('a second origin on a depot that is in use', () => {
  it('does not start with another setting, and starts with it when the first has ended', async () => {
    const env = s3Environment(server, 'settings');
    const first = await sandbox.origin(undefined, { env });
    const tokens = tokensOf(first.data);
    const told = await refused(env, ...tokens, '--copy-budget', '3');
    expect(told).toMatch(/CONFIG_INVALID.*FLEETSEED_COPY_BUDGET.* is 3 here and 1.2 at .*process/);
    await first.service.stop();
    const changed = await sandbox.origin(first.data, { env, args: ['--copy-budget', '3'] });
    await changed.service.kill();
    // Who was killed on this machine is known to be gone.
    await sandbox.origin(first.data, { env, args: ['--copy-budget', '4'] });
  });

  it('has the tokens of the first by itself, and does not start with others', async () => {
    const env = s3Environment(server, 'tokens');
    const first = await sandbox.origin(undefined, { env });
    const second = await sandbox.origin(undefined, { env });
    expect(second.adminToken).toBe(first.adminToken);
    const token = `${first.data}/join-token`;
    const told = await refused(env, '--admin-token-file', token);
    expect(told).toMatch(/FLEETSEED_ADMIN_TOKEN_FILE.* is not the same/);
    expect(told).not.toContain(first.adminToken);
  });
});
