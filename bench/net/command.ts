import { spawnSync } from 'node:child_process';

/** Words of a command line; those that belong together may be grouped. */
export type Words = readonly (string | readonly string[])[];

/** Runs a short command to its end. @returns its stdout. @throws with what it said when it fails */
export function command(program: string, ...words: Words): string {
  const { status, stdout, stderr, error } = spawnSync(program, words.flat(), { encoding: 'utf8' });
  if (error) throw new Error(`${program} cannot be run: ${error.message}`, { cause: error });
  if (status === 0) return stdout;
  throw new Error(`${program} ${words.flat().join(' ')} ended with ${status}: ${stderr}${stdout}`);
}

/**
 * What a program says of its version.
 * @param pattern its first group is the version
 * @returns null when the program is not here, or has not what was asked for
 */
export function versionOf(pattern: RegExp, program: string, ...words: Words): string | null {
  const { stdout, stderr, error } = spawnSync(program, words.flat(), { encoding: 'utf8' });
  return error ? null : (pattern.exec(stdout + stderr)?.[1] ?? null);
}
