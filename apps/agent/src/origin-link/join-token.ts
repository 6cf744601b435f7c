import { readFile } from 'node:fs/promises';

import { FleetseedError, systemErrorCode } from '#lib/contracts';

/** Reads the join token when it is needed. @throws JOIN_REFUSED, CONFIG_INVALID naming the file */
export async function readJoinToken(file: string | undefined): Promise<string> {
  if (file === undefined) {
    throw new FleetseedError(
      'JOIN_REFUSED',
      'This machine has not joined yet: --join-token-file (FLEETSEED_JOIN_TOKEN_FILE) is needed.',
    );
  }
  try {
    const token = (await readFile(file, 'utf8')).trim();
    if (token !== '') return token;
    throw new FleetseedError('CONFIG_INVALID', `The join token file ${file} is empty.`, { file });
  } catch (error) {
    if (error instanceof FleetseedError) throw error;
    const why = systemErrorCode(error) ?? 'it failed';
    const text = `The join token file ${file} cannot be read (${why}).`;
    throw new FleetseedError('CONFIG_INVALID', text, { file }, { cause: error });
  }
}
