import { createPublicKey, verify } from 'node:crypto';
import { mkdtemp, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { beforeEach, describe, expect, it } from 'vitest';

import { loadIdentity } from './identity.js';

let file: string;
beforeEach(async () => {
  file = join(await mkdtemp(join(tmpdir(), 'identity-')), 'identity.json');
});

describe('loadIdentity', () => {
  it('makes a key once and finds it again', async () => {
    const first = await loadIdentity(file, 'machine-a');
    const second = await loadIdentity(file, 'machine-a');
    expect(second.target).toBe(first.target);
    expect(second.publicKey).toBe(first.publicKey);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('signs so that the public key verifies', async () => {
    const identity = await loadIdentity(file, null);
    const key = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: identity.publicKey },
      format: 'jwk',
    });
    const signature = Buffer.from(identity.sign('text'), 'base64url');
    expect(verify(null, Buffer.from('text'), key, signature)).toBe(true);
  });

  it('refuses a data folder that was copied from another machine, by name', async () => {
    await loadIdentity(file, 'machine-a');
    await expect(loadIdentity(file, 'machine-b')).rejects.toMatchObject({
      code: 'DUPLICATE_IDENTITY',
      message: expect.stringContaining(file) as string,
    });
  });

  it('does not overwrite a file it cannot read', async () => {
    await writeFile(file, 'not json');
    await expect(loadIdentity(file, null)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await writeFile(file, JSON.stringify({ v: 1, privateKey: 'no key', machine: null }));
    await expect(loadIdentity(file, null)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});
