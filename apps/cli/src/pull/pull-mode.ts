import { FleetseedError } from '#lib/contracts';

export interface PullModeOptions {
  readonly out?: string;
  readonly stdout?: boolean;
  readonly seed?: boolean;
  readonly verify?: boolean;
  readonly select?: readonly string[];
}

/**
 * Where a pull goes: the folder of `--out`, or null for stdout.
 * @throws FleetseedError USAGE for options that contradict each other
 */
export function outFolderOf(options: PullModeOptions): string | null {
  const { out, stdout = false } = options;
  if (!stdout) {
    if (out !== undefined) return out;
    throw usage('It is not said where the content is to go.', 'give --out FOLDER or --stdout');
  }
  if (out !== undefined) throw usage('--stdout and --out are two places.', 'give one of them');
  if (options.seed) throw usage('--stdout keeps nothing to seed.', 'give --out FOLDER to seed');
  if (options.verify) throw usage('--stdout verifies as it goes.', 'leave out --verify');
  if ((options.select?.length ?? 0) > 1) {
    throw usage('--stdout takes one file only.', 'pull once for each file');
  }
  return null;
}

function usage(text: string, hint: string): FleetseedError {
  return new FleetseedError('USAGE', text, { hint });
}
