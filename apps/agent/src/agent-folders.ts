import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';

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

  /** @throws CONFIG_INVALID when a folder cannot be made */
  async make(apps: readonly FollowedApp[]): Promise<void> {
    for (const folder of [this.state, ...apps.map((each) => this.homeOf(each))]) {
      await mkdir(folder, { recursive: true, mode: 0o755 }).catch((error: unknown) => {
        throw diskAccessError(folder, error);
      });
    }
  }
}
