import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';

import { FleetseedError } from '#lib/contracts';
import { writeFileDurably } from '#lib/runtime';

import { AppState, newAppState } from './app-state.js';

/** Keeps an {@link AppState} on disk: every change is durable before it takes effect. */
export class AppJournal {
  private constructor(
    private readonly file: string,
    private current: AppState,
  ) {}

  /** @throws CONFIG_INVALID when the file is there but cannot be understood: it is not overwritten. */
  static async open(file: string, app: string, channel: string, home: string): Promise<AppJournal> {
    await mkdir(dirname(file), { recursive: true });
    const kept = await readState(file);
    const state = kept ?? newAppState(app, channel, home);
    if (state.channel !== channel) state.sequence = 0;
    return new AppJournal(file, { ...state, channel, home });
  }

  get state(): AppState {
    return this.current;
  }

  async record(change: Partial<Omit<AppState, 'v' | 'app'>>): Promise<void> {
    const next = { ...this.current, ...change };
    await writeFileDurably(this.file, `${JSON.stringify(next, null, 1)}\n`, 0o600);
    this.current = next;
  }
}

async function readState(file: string): Promise<AppState | null> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    return AppState.parse(JSON.parse(text));
  } catch (error) {
    throw new FleetseedError(
      'CONFIG_INVALID',
      `The journal ${file} cannot be read. The installed releases are untouched; remove the file ` +
        'to let the agent stage them again.',
      { file },
      { cause: error },
    );
  }
}
