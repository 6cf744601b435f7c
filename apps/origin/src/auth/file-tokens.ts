import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { configurationError, systemErrorCode } from '#lib/contracts';
import { createFileDurably } from '#lib/runtime';

import type { OriginConfig } from '../config/origin-config.schema.js';
import { makeToken, matchesHash, secretHash, type TokenKind } from './token-codec.js';

const LEAST_LENGTH = 16;

/** What a first start writes into a file that nobody has given. */
export type MakeToken = (kind: TokenKind) => string;

/** The admin token and the join token that are kept in files; in memory only their hashes stay. */
export class FileTokens {
  private constructor(
    private readonly adminHash: string,
    private readonly joinHash: string,
  ) {}

  /** Reads the configured files, or makes `DIR/admin-token` and `DIR/join-token` (mode 600). */
  static async open(config: OriginConfig, make: MakeToken = randomToken): Promise<FileTokens> {
    await mkdir(config.data, { recursive: true, mode: 0o700 });
    const admin = config.adminTokenFile
      ? await read(config.adminTokenFile, 'adminTokenFile')
      : await readOrMake(ownFile(config, 'admin-token'), make('api'));
    const joining = config.joinTokenFile
      ? await read(config.joinTokenFile, 'joinTokenFile')
      : await readOrMake(ownFile(config, 'join-token'), make('join'));
    return new FileTokens(secretHash(admin), secretHash(joining));
  }

  /** What `open` would find or make; nothing is written. @throws CONFIG_INVALID like `open` */
  static async look(
    config: OriginConfig,
    make: MakeToken,
  ): Promise<{ readonly admin: string; readonly join: string }> {
    const { adminTokenFile, joinTokenFile } = config;
    return {
      admin: adminTokenFile
        ? await read(adminTokenFile, 'adminTokenFile')
        : ((await readIfThere(ownFile(config, 'admin-token'))) ?? make('api')),
      join: joinTokenFile
        ? await read(joinTokenFile, 'joinTokenFile')
        : ((await readIfThere(ownFile(config, 'join-token'))) ?? make('join')),
    };
  }

  isAdmin(token: string): boolean {
    return matchesHash(token, this.adminHash);
  }

  isJoin(token: string): boolean {
    return matchesHash(token, this.joinHash);
  }
}

function ownFile({ data }: OriginConfig, name: string): string {
  return join(data, name);
}

async function readIfThere(file: string): Promise<string | null> {
  return existsSync(file) ? read(file, 'data') : null;
}

function randomToken(kind: TokenKind): string {
  return makeToken(kind).text;
}

async function readOrMake(file: string, token: string): Promise<string> {
  // A file that is there wins; only one of several first starts makes it.
  await createFileDurably(file, `${token}\n`, 0o600);
  return read(file, 'data');
}

async function read(file: string, key: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    const reason = systemErrorCode(cause) ?? 'it cannot be read';
    throw configurationError(key, `the token file ${file} cannot be used (${reason})`, cause);
  });
  const token = text.trim();
  if (token.length >= LEAST_LENGTH && /^\S+$/.test(token)) return token;
  const reason = `needs one token of at least ${LEAST_LENGTH} characters`;
  throw configurationError(key, `the token file ${file} ${reason}`);
}
