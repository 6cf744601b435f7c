import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from 'node:crypto';
import { readFile } from 'node:fs/promises';

import { z } from 'zod';

import { FleetseedError } from '#lib/contracts';
import { createFileDurably } from '#lib/runtime';

const IdentityFile = z.looseObject({
  v: z.literal(1),
  /** PKCS #8, PEM. */
  privateKey: z.string(),
  /** SHA-256 of the machine-id the key was made on, hex: the id itself stays private. */
  machine: z.string().nullable(),
});

/** Who this agent is: an Ed25519 key that never leaves the machine; its id is the key's hash. */
export class Identity {
  /** Base64url of the raw 32-byte public key. */
  readonly publicKey: string;
  /** First 20 bytes of the SHA-256 of the raw public key, hex. */
  readonly target: string;

  constructor(private readonly privateKey: KeyObject) {
    const jwk = createPublicKey(privateKey).export({ format: 'jwk' });
    this.publicKey = jwk.x!;
    const raw = Buffer.from(this.publicKey, 'base64url');
    this.target = createHash('sha256').update(raw).digest('hex').slice(0, 40);
  }

  /** Base64url of the Ed25519 signature over the UTF-8 bytes of `text` (RFC 8032). */
  sign(text: string): string {
    return sign(null, Buffer.from(text, 'utf8'), this.privateKey).toString('base64url');
  }
}

/**
 * The identity kept in `file`, made at the first start.
 * @throws DUPLICATE_IDENTITY when the file was made on another machine: a copied data folder would
 * otherwise put two machines into the fleet under one name.
 */
export async function loadIdentity(file: string, machineId: string | null): Promise<Identity> {
  const machine = machineId === null ? null : createHash('sha256').update(machineId).digest('hex');
  const known = await readIdentity(file);
  if (!known) return createIdentity(file, machine);
  if (known.machine !== null && machine !== null && known.machine !== machine) {
    throw new FleetseedError(
      'DUPLICATE_IDENTITY',
      `The identity in ${file} was made on another machine. Was the data folder copied? ` +
        'Remove this file to let this machine join as itself.',
      { file },
    );
  }
  return new Identity(known.key);
}

async function createIdentity(file: string, machine: string | null): Promise<Identity> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const text = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
  const document = JSON.stringify({ v: 1, privateKey: text, machine });
  await createFileDurably(file, document, 0o600);
  return new Identity(privateKey);
}

async function readIdentity(
  file: string,
): Promise<{ key: KeyObject; machine: string | null } | null> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const { privateKey, machine } = IdentityFile.parse(JSON.parse(text));
    return { key: createPrivateKey(privateKey), machine };
  } catch (error) {
    throw new FleetseedError(
      'CONFIG_INVALID',
      `The identity in ${file} cannot be read; remove the file to join anew.`,
      { file },
      { cause: error },
    );
  }
}
