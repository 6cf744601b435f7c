import { Inject, Injectable } from '@nestjs/common';

import { FleetseedError } from '#lib/contracts';
import { openForeignFolder, openForeignObject, type ForeignFolder } from '#lib/depot';
import type { Logger } from '#lib/runtime';

import type { OriginConfig } from '../config/origin-config.schema.js';
import { LOGGER, ORIGIN_CONFIG } from '../config/start-context.js';
import { s3Options } from '../depot/open-depot.js';
import { importAddressesOf, type AddressPolicy } from './address.policy.js';
import { GuardedConnections } from './guarded.connections.js';
import { HttpSource } from './http.source.js';
import type { ImportRecord } from './import-record.js';
import type { RemoteSource } from './remote.source.js';
import { parseSource, type SourceAddress } from './source.address.js';

/** A server that is silent for so long is asked again. */
export const SILENCE_MS = 30_000;
/** Between tries at a source that broke off. */
export const BACKOFF = { startMs: 500, limitMs: 20_000 };

export interface FetchOptions {
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number | null) => void;
}

/** The places that this origin may fetch from. */
@Injectable()
export class ImportSources {
  readonly #addresses: AddressPolicy;

  constructor(
    @Inject(ORIGIN_CONFIG) private readonly config: OriginConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#addresses = importAddressesOf(config);
  }

  /** @throws REQUEST_INVALID, SOURCE_REFUSED */
  parse(text: string, insecureHttp: boolean): SourceAddress {
    return parseSource(text, this.#rules(insecureHttp));
  }

  /** @throws what `parse` throws: the rules may have changed since it was asked for */
  async open(record: ImportRecord): Promise<RemoteSource> {
    const { insecureHttp, sha256, bytes } = record;
    const address = this.#addressOf(record);
    if (address.kind === 's3-tree') throw new FleetseedError('INTERNAL', 'A tree is no file.');
    if (address.kind === 's3') {
      return openForeignObject(await s3Options(this.config, address.bucket), address.key);
    }
    return new HttpSource(address.url, {
      rules: this.#rules(insecureHttp),
      connections: new GuardedConnections(this.#addresses, this.logger),
      endIsChecked: sha256 !== null || bytes !== null,
      silenceMs: SILENCE_MS,
    });
  }

  isTree(record: ImportRecord): boolean {
    return this.#addressOf(record).kind === 's3-tree';
  }

  /** Of a tree. @throws what `open` throws */
  async openTree(
    record: ImportRecord,
  ): Promise<{ readonly folder: ForeignFolder; readonly prefix: string }> {
    const address = this.#addressOf(record);
    if (address.kind !== 's3-tree') throw new FleetseedError('INTERNAL', 'A file is no tree.');
    const { bucket, prefix } = address;
    return {
      folder: await openForeignFolder(await s3Options(this.config, bucket), prefix),
      prefix,
    };
  }

  #addressOf({ source, insecureHttp }: ImportRecord): SourceAddress {
    if (source === null) throw new FleetseedError('INTERNAL', 'An import has no source.');
    return this.parse(source, insecureHttp);
  }

  #rules(insecureHttp: boolean) {
    const { s3Bucket, s3Prefix, importBuckets } = this.config;
    const depot = s3Bucket === undefined ? null : { bucket: s3Bucket, prefix: s3Prefix ?? '' };
    return { addresses: this.#addresses, buckets: importBuckets, depot, insecureHttp };
  }
}
