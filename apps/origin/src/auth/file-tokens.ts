import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { configurationError, systemErrorCode } from '#lib/contracts';
import { createFileDurably } from '#lib/runtime';

import type { OriginConfig } from '../config/origin-config.schema.js';
import { makeToken, matchesHash, secretHash, type TokenKind } from './token-codec.js';

const LEAST_LENGTH = 16;

/** The admin token and the join token that are kept in files; in memory only their hashes stay. */
export class FileTokens {
  private constructor(
    private readonly adminHash: string,
    private readonly joinHash: string,
  ) {}

  /** Reads the configured files, or makes `DIR/admin-token` and `DIR/join-token` (mode 600). */
  static async open(config: OriginConfig): Promise<FileTokens> {
    await mkdir(config.data, { recursive: true, mode: 0o700 });
    const admin = config.adminTokenFile
      ? await read(config.adminTokenFile, 'adminTokenFile')
      : await readOrMake(join(config.data, 'admin-token'), 'api');
    const joining = config.joinTokenFile
      ? await read(config.joinTokenFile, 'joinTokenFile')
      : await readOrMake(join(config.data, 'join-token'), 'join');
    return new FileTokens(secretHash(admin), secretHash(joining));
  }

  isAdmin(token: string): boolean {
    return matchesHash(token, this.adminHash);
  }

  isJoin(token: string): boolean {
    return matchesHash(token, this.joinHash);
  }
}

async function readOrMake(file: string, kind: TokenKind): Promise<string> {
  // A file that is there wins; only one of several first starts makes it.
  await createFileDurably(file, `${makeToken(kind).text}\n`, 0o600);
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
