import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { MemoryDepot } from '#lib/depot';
import { silentLogger, systemClock, VirtualClock } from '#lib/runtime';

import { checkConfig } from '../config/config-parser.js';
import { MasterSecret } from '../depot/master-secret.js';
import { FileTokens } from './file-tokens.js';
import { JoinTokens } from './join-tokens.js';
import type { Principal } from './principal.js';
import { TokenRegistry } from './token-registry.js';
import { TokenStore } from './token-store.js';
import { TrackerKeySweeper } from './tracker-key.sweeper.js';
import { TrackerKeys } from './tracker-keys.js';

const DAY_MS = 86_400_000;
const HASH = 'ab'.repeat(32);
const clock = new VirtualClock(1_000_000);
let folder: string;
let depot: MemoryDepot;
let store: TokenStore;
let registry: TokenRegistry;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fleetseed-tokens-'));
  depot = await MemoryDepot.open();
  store = new TokenStore(depot, clock);
  registry = new TokenRegistry(store, clock);
});
afterEach(() => rm(folder, { recursive: true }));

const refused = (reason: RegExp) =>
  expect.objectContaining({
    code: 'JOIN_REFUSED',
    message: expect.stringMatching(reason) as string,
  });

describe('join tokens', () => {
  const joinTokens = async () =>
    new JoinTokens(store, await FileTokens.open(checkConfig({ data: folder })), clock);

  it('let exactly as many machines in as they have uses, however they race', async () => {
    // Lost races pause, so time has to pass.
    const live = new TokenStore(depot, systemClock);
    const files = await FileTokens.open(checkConfig({ data: folder }));
    const joining = new JoinTokens(live, files, systemClock);
    const { secret } = await new TokenRegistry(live, systemClock).createJoin({
      name: 'a',
      uses: 3,
    });
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => joining.use(secret)));
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
  });

  it('are refused when they have expired, or are something else', async () => {
    const joining = await joinTokens();
    const { secret } = await registry.createJoin({ name: 'rack', expiresInSeconds: 60 });
    await joining.use(secret);
    clock.advance(60_000);
    await expect(joining.use(secret)).rejects.toEqual(refused(/expired/));
    const api = await registry.create({ name: 'ci', scopes: ['admin'] });
    await expect(joining.use(api.secret)).rejects.toEqual(refused(/not a join token/));
  });

  it('of the file are used without limit', async () => {
    const joining = await joinTokens();
    const secret = (await readFile(join(folder, 'join-token'), 'utf8')).trim();
    expect([await joining.use(secret), await joining.use(secret)]).toEqual(['file', 'file']);
  });
});

describe('a revoked token', () => {
  it('ends at once, also when it was being looked up', async () => {
    const { token } = await registry.create({ name: 'ci', scopes: ['admin'] });
    const fresh = new TokenStore(depot, clock);
    const read = depot.readDocument.bind(depot);
    const goOn = Promise.withResolvers<void>();
    depot.readDocument = async (key) => {
      const found = await read(key);
      await goOn.promise;
      return found;
    };
    const looking = fresh.find(token);
    await fresh.delete(token);
    goOn.resolve();
    await looking;
    expect(await fresh.find(token)).toBeNull();
  });
});

describe('token files', () => {
  it('of the owner are taken as they are, and named when they cannot be used', async () => {
    const file = join(folder, 'mine');
    const config = checkConfig({ data: folder, adminTokenFile: file });
    const invalid = expect.objectContaining({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('FLEETSEED_ADMIN_TOKEN_FILE') as string,
    });
    await expect(FileTokens.open(config)).rejects.toEqual(invalid);
    await writeFile(file, 'short\n');
    await expect(FileTokens.open(config)).rejects.toEqual(invalid);
    await writeFile(file, 'a-secret-of-my-own\n');
    const tokens = await FileTokens.open(config);
    expect(tokens.isAdmin('a-secret-of-my-own')).toBe(true);
    expect(tokens.isAdmin('a-secret-of-my-owm')).toBe(false);
  });
});

describe('tracker keys', () => {
  const agent: Principal = {
    kind: 'agent',
    id: 'ab'.repeat(20),
    name: 'm1',
    scopes: [],
    expiresAt: null,
  };
  const keysOf = async () => new TrackerKeys(await MasterSecret.open(depot), store, clock);
  const revoked = expect.objectContaining({ code: 'TRACKER_KEY_INVALID' });

  it('of agents are checked without a look-up and end in time', async () => {
    const keys = await keysOf();
    const key = keys.mint(agent, { artifact: null, expiresAt: clock.now() + DAY_MS });
    expect(keys.grantNow(keys.read(key))).toEqual({
      holder: 'target',
      id: agent.id,
      artifact: null,
    });
    clock.advance(DAY_MS);
    expect(() => keys.grantNow(keys.read(key))).toThrow(/expired/);
  });

  it('are the same for every replica of a depot', async () => {
    const key = (await keysOf()).mint(agent, { artifact: HASH, expiresAt: clock.now() + DAY_MS });
    expect(await (await keysOf()).check(key)).toMatchObject({ artifact: HASH });
  });

  it('that an agent has in a torrent are its target’s, and revocable alone', async () => {
    const keys = await keysOf();
    const options = { artifact: HASH, expiresAt: clock.now() + DAY_MS, name: 'web@1' };
    const key = await keys.mintRevocable(agent, options);
    const grant = { holder: 'target', id: agent.id, artifact: HASH };
    expect([await keys.check(key), keys.grantNow(keys.read(key))]).toEqual([grant, grant]);
    await registry.revoke(key.split('.')[1]!);
    await expect(keys.check(key)).rejects.toEqual(revoked);
  });

  it('are forgotten when they have ended, and tokens that people made are not', async () => {
    const keys = await keysOf();
    await registry.create({ name: 'ci', scopes: ['admin'], expiresInSeconds: 60 });
    const options = { artifact: HASH, name: 'web@1' };
    await keys.mintRevocable(agent, { ...options, expiresAt: clock.now() + DAY_MS });
    await keys.mintRevocable(agent, { ...options, expiresAt: clock.now() + 2 * DAY_MS });
    clock.advance(DAY_MS);
    await new TrackerKeySweeper(store, clock, silentLogger, { roles: ['work'] }).sweep();
    const left = (await registry.list({ limit: 10 })).items.map(({ kind }) => kind);
    expect(left.sort()).toEqual(['api', 'tracker']);
  });

  it('of a token end with the token, and those of a torrent also alone', async () => {
    const keys = await keysOf();
    const token = await registry.create({ name: 'ci', scopes: ['app:*:read'] });
    const holder: Principal = { ...agent, kind: 'token', id: token.token };
    const options = { artifact: HASH, expiresAt: clock.now() + DAY_MS, name: 'web@1' };
    const pull = keys.mint(holder, options);
    const first = await keys.mintRevocable(holder, options);
    const second = await keys.mintRevocable(holder, options);
    const own = (await registry.list({ limit: 10 })).items.filter(({ kind }) => kind === 'tracker');
    expect(own).toHaveLength(2);
    const grant = { holder: 'token', id: token.token, artifact: HASH };
    expect([await keys.check(pull), await keys.check(first)]).toEqual([grant, grant]);
    await registry.revoke(first.split('.')[1]!);
    await expect(keys.check(first)).rejects.toEqual(revoked);
    expect(await keys.check(second)).toEqual(grant);
    await registry.revoke(token.token);
    await expect(keys.check(second)).rejects.toEqual(revoked);
    await expect(keys.check(pull)).rejects.toEqual(revoked);
  });
});
