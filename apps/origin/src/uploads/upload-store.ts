import { Inject, Injectable } from '@nestjs/common';

import { FleetseedError } from '#lib/contracts';
import {
  allKeys,
  depotPrefix,
  DocumentStore,
  uploadKey,
  type Depot,
  type PartedObject,
} from '#lib/depot';
import { randomSecret } from '#lib/runtime';

import { DEPOT } from '../depot/depot.tokens.js';
import { UploadHashes } from './upload-hashes.js';
import { UploadPlan, UploadRecord, type PlanObject } from './upload-record.js';

const PREFIX = 'uploads/';
const ID = /^[0-9a-f]{32}$/;
/** Of plans as JSON; in memory they take a few times as much. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;

interface KeptPlan {
  readonly plan: UploadPlan;
  readonly bytes: number;
}

/** What the depot keeps of uploads under `uploads/<id>/`. */
@Injectable()
export class UploadStore {
  readonly #records: DocumentStore<UploadRecord>;
  /** Plans never change under their name; in order of last use. */
  readonly #plans = new Map<string, KeptPlan>();
  readonly #reading = new Map<string, Promise<UploadPlan>>();
  #keptBytes = 0;

  /** Hashes of the parts that came. */
  readonly hashes: UploadHashes;

  constructor(@Inject(DEPOT) private readonly depot: Depot) {
    this.hashes = new UploadHashes(depot);
    this.#records = new DocumentStore(depot, UploadRecord, 1);
  }

  async find(id: string): Promise<UploadRecord | null> {
    return ID.test(id) ? ((await this.#records.read(recordKey(id)))?.value ?? null) : null;
  }

  /** @returns false if there is a record already */
  create(record: UploadRecord): Promise<boolean> {
    return this.#records.create(recordKey(record.upload), record);
  }

  /** See `DocumentStore.update`. */
  update(
    id: string,
    change: (current: UploadRecord | null) => UploadRecord | null,
  ): Promise<UploadRecord | null> {
    return this.#records.update(recordKey(id), change);
  }

  /** @returns the name to put into the record */
  async writePlan(id: string, plan: UploadPlan): Promise<string> {
    const name = `plan-${Buffer.from(randomSecret(8), 'base64url').toString('hex')}.json`;
    const bytes = Buffer.from(JSON.stringify(plan));
    await this.depot.putObject(uploadKey(id, name), [bytes]);
    this.#keep(uploadKey(id, name), { plan, bytes: bytes.length });
    return name;
  }

  async plan(record: UploadRecord): Promise<UploadPlan> {
    const key = uploadKey(record.upload, record.plan);
    const kept = this.#plans.get(key);
    if (kept) {
      this.#plans.delete(key);
      this.#plans.set(key, kept);
      return kept.plan;
    }
    let reading = this.#reading.get(key);
    if (!reading) {
      reading = this.#readPlan(key).finally(() => this.#reading.delete(key));
      this.#reading.set(key, reading);
    }
    return reading;
  }

  /** The parts of an object that are safely stored. */
  async received({ source }: PlanObject): Promise<number[]> {
    if ('object' in source) return [0];
    try {
      if ('parted' in source) return await this.depot.listParts(source.parted);
      return (await this.depot.direct?.list(source.direct)) ?? [];
    } catch (error) {
      if (error instanceof FleetseedError && error.code === 'UPLOAD_NOT_FOUND') return [];
      throw error;
    }
  }

  /** Drops what has come of an object in parts. */
  async abortParts({ source }: PlanObject): Promise<void> {
    if ('parted' in source) await this.depot.abortParts(source.parted);
    if ('direct' in source) await this.depot.direct?.abort(source.direct);
  }

  /** Drops parts that no plan names. */
  async abort(parted: PartedObject): Promise<void> {
    await this.depot.abortParts(parted);
  }

  /** The ids of all uploads, also of such as have lost their record. */
  async ids(): Promise<string[]> {
    const folders = await Array.fromAsync(allKeys(this.depot, PREFIX, { folders: true }));
    return folders.map((key) => key.slice(PREFIX.length, -1));
  }

  /** Removes what an upload has gathered, its record last; an interrupted removal is repeated. */
  async remove(id: string, options: { readonly keepRecord: boolean }): Promise<void> {
    const record = await this.find(id);
    if (record) await this.#abortAll(record);
    for (;;) {
      const { keys } = await this.depot.list(depotPrefix.upload(id), { limit: 1000 });
      const rest = keys.filter((key) => key !== recordKey(id));
      for (const key of rest) await this.depot.delete(key);
      if (rest.length === 0) break;
    }
    if (!options.keepRecord) await this.depot.delete(recordKey(id));
  }

  async #abortAll(record: UploadRecord): Promise<void> {
    const plan = await this.plan(record).catch(() => null);
    for (const object of plan?.objects ?? []) await this.abortParts(object);
    this.#forget(uploadKey(record.upload, record.plan));
  }

  async #readPlan(key: string): Promise<UploadPlan> {
    const bytes = await this.depot.readObject(key);
    const plan = UploadPlan.parse(JSON.parse(bytes.toString('utf8')));
    this.#keep(key, { plan, bytes: bytes.length });
    return plan;
  }

  #keep(key: string, kept: KeptPlan): void {
    this.#forget(key);
    this.#plans.set(key, kept);
    this.#keptBytes += kept.bytes;
    for (const oldest of this.#plans.keys()) {
      if (this.#keptBytes <= MAX_KEPT_BYTES || oldest === key) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    this.#keptBytes -= this.#plans.get(key)?.bytes ?? 0;
    this.#plans.delete(key);
  }
}

function recordKey(id: string): string {
  return uploadKey(id, 'upload.json');
}
