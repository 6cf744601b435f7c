import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Runs another app of this build in this process, with the arguments that are left; it parses them
 * itself, prints its own `ready` line and owns the process from here on.
 *
 * The app is found by its name in the package's imports and loaded dynamically, because apps do not import
 * apps: a static import would bind the CLI to the origin's framework, its types and its start-up
 * time, and the linter refuses it.
 */
export async function startService(name: string, args: readonly string[]): Promise<void> {
  const main = import.meta.resolve(`#app/${name}`);
  const path = fileURLToPath(main);
  if (!existsSync(path)) {
    const { FleetseedError } = await import('#lib/contracts');
    throw new FleetseedError('NOT_FOUND', `This build has no ${name}: ${path} is not there.`, {
      path,
    });
  }
  process.argv = [process.execPath, path, ...args];
  await import(main);
}
