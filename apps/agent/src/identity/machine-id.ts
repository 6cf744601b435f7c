import { readFile } from 'node:fs/promises';

const PLACES = ['/etc/machine-id', '/var/lib/dbus/machine-id'];

/**
 * What tells this machine from others (machine-id(5)), or null where the system has none. A data folder
 * that is copied to another machine is recognised by it.
 */
export async function readMachineId(places: readonly string[] = PLACES): Promise<string | null> {
  for (const place of places) {
    const text = await readFile(place, 'utf8').catch(() => '');
    if (text.trim() !== '') return text.trim();
  }
  return null;
}
