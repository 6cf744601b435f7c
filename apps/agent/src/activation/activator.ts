import { FleetseedError } from '#lib/contracts';

import type { AppJournal } from '../journal/app-journal.js';
import type { InstalledRelease } from '../journal/app-state.js';
import { readReleaseLink, setReleaseLink } from './release-links.js';

/**
 * Makes a staged release the current one: intent into the journal, `previous` to what was current,
 * `current` swapped by rename, intent cleared. A crash at any point is finished by {@link recover}.
 */
export class Activator {
  constructor(private readonly journal: AppJournal) {}

  async activate(release: InstalledRelease): Promise<void> {
    await this.journal.record({
      intent: { activate: release.version, artifact: release.artifact },
    });
    await this.#swap(release);
    await this.journal.record({ intent: null });
  }

  /** Finishes an activation that a crash interrupted. @returns true if there was one. */
  async recover(): Promise<boolean> {
    const { intent, releases } = this.journal.state;
    if (!intent) return false;
    const release = releases.find(
      (each) => each.artifact === intent.artifact && each.version === intent.activate,
    );
    if (release) await this.#swap(release);
    await this.journal.record({ intent: null });
    return release !== undefined;
  }

  async current(): Promise<InstalledRelease | null> {
    return this.#installed('current');
  }

  async previous(): Promise<InstalledRelease | null> {
    return this.#installed('previous');
  }

  async #swap(release: InstalledRelease): Promise<void> {
    const { home } = this.journal.state;
    const before = await readReleaseLink(home, 'current');
    if (before === release.folder) return;
    try {
      // `previous` first: were it set after `current`, a crash between the two would lose the way back.
      if (before !== null) await setReleaseLink(home, 'previous', before);
      await setReleaseLink(home, 'current', release.folder);
    } catch (error) {
      throw new FleetseedError(
        'DISK_IO',
        `The links in ${home} could not be moved to ${release.version}.`,
        { home, version: release.version },
        { cause: error },
      );
    }
  }

  async #installed(link: 'current' | 'previous'): Promise<InstalledRelease | null> {
    const { home, releases } = this.journal.state;
    const folder = await readReleaseLink(home, link);
    return releases.find((each) => each.folder === folder) ?? null;
  }
}
