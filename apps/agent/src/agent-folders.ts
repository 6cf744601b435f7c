import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { configurationError } from '#lib/contracts';

import type { FollowedApp } from './config/agent-config.js';
import { diskAccessError } from './config/disk-access-error.js';

/** Where an agent keeps what. */
export class AgentFolders {
  readonly data: string;

  constructor(data: string) {
    this.data = resolve(data);
  }

  get state(): string {
    return join(this.data, 'state');
  }

  get identityFile(): string {
    return join(this.state, 'identity.json');
  }

  get ledgerFile(): string {
    return join(this.state, 'ledger.json');
  }

  get metainfos(): string {
    return join(this.state, 'artifacts');
  }

  journalFile(app: string): string {
    return join(this.state, 'apps', `${app}.json`);
  }

  homeOf({ app, home }: FollowedApp): string {
    return home === null ? join(this.data, 'apps', app) : resolve(home);
  }

  /** @throws CONFIG_INVALID when a folder cannot be made, or is to be that of two apps */
  async make(apps: readonly FollowedApp[]): Promise<void> {
    const owners = new Map<string, string>();
    for (const followed of apps) {
      const home = this.homeOf(followed);
      const owner = owners.get(home);
      if (owner === undefined) owners.set(home, followed.app);
      else throw configurationError('app', `${home} is the folder of "${owner}" already`);
    }
    for (const folder of [this.state, ...apps.map((each) => this.homeOf(each))]) {
      await mkdir(folder, { recursive: true, mode: 0o755 }).catch((error: unknown) => {
        throw diskAccessError(folder, error);
      });
    }
  }
}
