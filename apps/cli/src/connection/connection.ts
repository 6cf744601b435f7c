import { readFileSync } from 'node:fs';

import { FleetseedError, HttpClient } from '#lib/contracts';
import { productVersion } from '#lib/runtime';

/** How the origin is reached, as the options and the environment say. */
export interface ConnectionOptions {
  readonly origin?: string;
  readonly tokenFile?: string;
  readonly caFile?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * A way to the origin. Each client it opens has connections of its own, so that work which must be
 * tried again can leave a broken one (or the replica behind it) for good.
 */
export class Connection {
  readonly origin: string;
  private readonly token: string | null;
  private readonly caFile: string | undefined;

  /** @throws FleetseedError USAGE when no origin is named or the token file cannot be used. */
  constructor(options: ConnectionOptions, env: Environment) {
    const origin = options.origin ?? env['FLEETSEED_ORIGIN'];
    if (!origin) {
      throw new FleetseedError('USAGE', 'No origin is named.', {
        hint: 'give --origin URL or set FLEETSEED_ORIGIN',
      });
    }
    this.origin = origin;
    this.caFile = options.caFile ?? env['FLEETSEED_CA_FILE'];
    this.token = tokenOf(options, env);
  }

  /** @throws FleetseedError USAGE for a URL or CA file that cannot be used. */
  open(): HttpClient {
    return new HttpClient({
      origin: this.origin,
      token: () => this.token,
      userAgent: `fleetseed-cli/${productVersion()}`,
      ...(this.caFile === undefined ? {} : { caFile: this.caFile }),
    });
  }
}

/** A file goes before the environment: what was typed is meant. */
function tokenOf(options: ConnectionOptions, env: Environment): string | null {
  const file = options.tokenFile ?? env['FLEETSEED_TOKEN_FILE'];
  const text = file === undefined ? env['FLEETSEED_TOKEN'] : readToken(file);
  const token = text?.trim() ?? '';
  if (token === '' && file !== undefined) {
    throw new FleetseedError('USAGE', `The token file ${file} is empty.`);
  }
  // A token with a line break would end the header it is sent in.
  if (!/^[\x21-\x7e]*$/.test(token)) {
    throw new FleetseedError('USAGE', 'The token has characters that no token has.');
  }
  return token === '' ? null : token;
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new FleetseedError(
      'USAGE',
      `The token file ${file} cannot be read.`,
      {},
      { cause: error },
    );
  }
}
