import { styleText } from 'node:util';

interface AgentView {
  readonly hostname: string;
  readonly apps: readonly {
    wanted: string | null;
    phase: string;
    progress: number;
    bytesPerSecond: number;
  }[];
}

const WIDTH = 32;
const EVERY_MS = 150;

/** Live bars of all agents on a terminal; in a pipe, a line a phase. */
export class AgentBoard {
  readonly #terminal = process.stderr.isTTY === true;
  readonly #phases = new Map<string, string>();
  #drawn = 0;
  #stopped = false;
  #loop: Promise<void> = Promise.resolve();

  readonly #origin: string;
  readonly #token: string;

  constructor(origin: string, token: string) {
    this.#origin = origin;
    this.#token = token;
  }

  start(version: string): void {
    this.#stopped = false;
    this.#drawn = 0;
    this.#phases.clear();
    this.#loop = this.#run(version);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#loop;
  }

  async #run(version: string): Promise<void> {
    while (!this.#stopped) {
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
      const agents = await this.#agents().catch(() => []);
      if (this.#terminal) this.#draw(agents);
      else this.#tell(agents, version);
    }
  }

  async #agents(): Promise<AgentView[]> {
    const response = await fetch(`${this.#origin}/api/v1/targets?limit=100`, {
      headers: { authorization: `Bearer ${this.#token}` },
    });
    const page = (await response.json()) as { items: AgentView[] };
    return page.items.toSorted((a, b) => a.hostname.localeCompare(b.hostname));
  }

  #draw(agents: readonly AgentView[]): void {
    const lines = agents.map((agent) => {
      const app = agent.apps[0];
      const share = app?.progress ?? 0;
      const full = Math.round(share * WIDTH);
      const bar =
        styleText('green', '━'.repeat(full)) + styleText('gray', '━'.repeat(WIDTH - full));
      const percent = `${Math.floor(share * 100)} %`.padStart(5);
      const rate = `${((app?.bytesPerSecond ?? 0) / 1e6).toFixed(1)} MB/s`.padStart(11);
      return `  ${agent.hostname.padEnd(8)} ${bar} ${percent} ${rate}  ${app?.phase ?? ''}`;
    });
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : '';
    process.stderr.write(up + lines.map((line) => `\x1b[2K${line}\n`).join(''));
    this.#drawn = lines.length;
  }

  #tell(agents: readonly AgentView[], version: string): void {
    for (const agent of agents) {
      const app = agent.apps[0];
      // What it reported last may still be about the version before.
      if (app?.wanted !== version || this.#phases.get(agent.hostname) === app.phase) continue;
      const { phase } = app;
      this.#phases.set(agent.hostname, phase);
      process.stderr.write(`  ${version} ${agent.hostname}: ${phase}\n`);
    }
  }
}
