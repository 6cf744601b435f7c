import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { silentLogger, systemClock, VirtualClock } from '#lib/runtime';

import { MIB, SECRET, TestFleet, type TestArtifact } from '../session/session.fixture.js';
import { Session } from '../session/session.js';
import { InspectionRounds } from './inspection-rounds.js';
import { InstalledSeed, type InstalledSeedOptions } from './installed-seed.js';
import { LocalContent } from './local-content.js';
import { stageArtifact, type StagedArtifact, type StageOptions } from './stage-artifact.js';
import type { SwarmAccess } from './swarm-access.js';

/** A machine with a disk, in a swarm of which another machine has everything. Close it after each test. */
export class StagingMachine {
  readonly container: string;
  readonly root: string;
  readonly stateFolder: string;
  readonly local = new LocalContent();
  /** Of what looks at installed files: it stands still unless it is told to go on. */
  readonly clock = new VirtualClock();
  #seed: InstalledSeed | null = null;

  private constructor(
    readonly folder: string,
    readonly artifact: TestArtifact,
    readonly fleet: TestFleet,
    readonly session: Session,
  ) {
    const { single, name } = artifact.metainfo;
    this.container = join(folder, 'releases', '1-abc');
    this.root = single ? join(this.container, name) : this.container;
    this.stateFolder = join(folder, 'state');
  }

  /** @param uploadLimit of the machine that has everything, bytes a second */
  static async create(artifact: TestArtifact, uploadLimit = 64 * MIB): Promise<StagingMachine> {
    const fleet = new TestFleet(artifact);
    await fleet.add({ complete: true, uploadLimit });
    const session = new Session({
      hasher: fleet.hasher,
      listen: { host: '127.0.0.1', port: 0 },
    });
    await session.listen();
    const folder = await mkdtemp(join(tmpdir(), 'staging-'));
    return new StagingMachine(folder, artifact, fleet, session);
  }

  stage(options: Partial<StageOptions> = {}): Promise<StagedArtifact> {
    const { session, container, root, stateFolder, local } = this;
    return stageArtifact({
      session,
      hasher: this.fleet.hasher,
      metainfo: this.artifact.metainfo,
      root,
      container,
      stateFolder,
      access: this.#access,
      local,
      reserveBytes: 0,
      clock: systemClock,
      logger: silentLogger,
      signal: new AbortController().signal,
      ...options,
    });
  }

  /** Stages and seeds from where it was installed. */
  async install(): Promise<InstalledSeed> {
    const { torrent, store } = await this.stage();
    await mkdir(dirname(this.seedOptions.signaturesFile), { recursive: true });
    this.#seed = await InstalledSeed.afterStage(this.seedOptions, torrent, store);
    return this.#seed;
  }

  /** As a later process does. */
  async reopen(): Promise<InstalledSeed> {
    await this.#seed?.stop();
    this.#seed = await InstalledSeed.open(this.seedOptions, this.#access);
    return this.#seed;
  }

  get seedOptions(): InstalledSeedOptions {
    return {
      session: this.session,
      hasher: this.fleet.hasher,
      metainfo: this.artifact.metainfo,
      root: this.root,
      signaturesFile: join(this.folder, 'artifacts', 'signatures'),
      rounds: this.#rounds,
      clock: this.clock,
      logger: silentLogger,
    };
  }

  async close(): Promise<void> {
    await this.#seed?.stop();
    await this.session.close();
    await this.fleet.close();
    await rm(this.folder, { recursive: true });
  }

  readonly #rounds = new InspectionRounds(this.clock);

  get #access(): SwarmAccess {
    const address = { host: '127.0.0.1', port: this.session.port };
    return {
      announcer: this.fleet.tracker.announcer('swarm', address),
      webSeeds: [],
      swarmSecret: SECRET,
      peers: [],
    };
  }
}
