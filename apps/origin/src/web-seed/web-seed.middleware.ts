import type { IncomingHttpHeaders } from 'node:http';

import { Injectable, type NestMiddleware } from '@nestjs/common';
import type { Response } from 'express';

import { FleetseedError } from '#lib/contracts';

import { ArtifactLibrary, type OpenArtifact } from '../artifacts/artifact-library.js';
import type { AuthenticatedRequest } from '../auth/authenticated-request.js';
import { LedgerService } from '../ledger/ledger.service.js';
import { ArtifactPaths, parseWebSeedPath, type FileRange } from './artifact.paths.js';
import {
  contentRange,
  noneMatch,
  parseRange,
  rangeStillValid,
  unsatisfiedRange,
  type RequestedRange,
} from './byte-range.js';
import { sendPayload } from './payload.sender.js';
import { WebSeedAccess } from './web-seed.access.js';
import { WebSeedBudget } from './web-seed.budget.js';
import { WebSeedCounters } from './web-seed.counters.js';

const WHY = 'web-seed';

/** BEP 19 over HTTP: files of artifacts by exact ranges, straight from the depot. */
@Injectable()
export class WebSeedMiddleware implements NestMiddleware {
  /** Kept for as long as the library keeps the artifact open. */
  readonly #paths = new WeakMap<OpenArtifact, ArtifactPaths>();

  constructor(
    private readonly access: WebSeedAccess,
    private readonly library: ArtifactLibrary,
    private readonly ledger: LedgerService,
    private readonly budget: WebSeedBudget,
    private readonly counters: WebSeedCounters,
  ) {}

  async use(request: AuthenticatedRequest, response: Response): Promise<void> {
    const reads = request.method === 'GET' || request.method === 'HEAD';
    const path = reads ? parseWebSeedPath(request.originalUrl) : null;
    if (!path) throw new FleetseedError('NOT_FOUND', 'No such path on the web seed.');
    try {
      await this.access.require(path, request.caller);
      const artifact = await this.library.open(path.artifact);
      const file = this.#pathsOf(artifact).find(path.components);
      if (!file) throw new FleetseedError('NOT_FOUND', 'The artifact has no such file.');
      await this.#answer(request, response, artifact, file);
    } catch (error) {
      this.counters.count(
        error instanceof FleetseedError && error.status === 503 ? 'busy' : 'refused',
      );
      throw error;
    }
  }

  async #answer(
    request: AuthenticatedRequest,
    response: Response,
    { artifact, payload }: OpenArtifact,
    file: FileRange,
  ): Promise<void> {
    const etag = `"${artifact}"`;
    response.setHeader('accept-ranges', 'bytes');
    response.setHeader('etag', etag);
    response.setHeader('cache-control', 'private, max-age=31536000, immutable');
    if (!noneMatch(request.headers['if-none-match'], etag)) {
      response.writeHead(304).end();
      return;
    }
    const range = rangeOf(request.method, request.headers, etag, file.length);
    if (range.kind === 'unsatisfiable') {
      response.writeHead(416, { 'content-range': unsatisfiedRange(file.length) }).end();
      return;
    }
    const { offset, length } = range.kind === 'part' ? range : { offset: 0, length: file.length };
    const head = {
      'content-type': 'application/octet-stream',
      'content-length': length,
      ...(range.kind === 'part'
        ? { 'content-range': contentRange(offset, length, file.length) }
        : {}),
    };
    const status = range.kind === 'part' ? 206 : 200;
    if (request.method === 'HEAD' || length === 0) {
      response.writeHead(status, head).end();
      return;
    }
    const release = this.#admit(length);
    try {
      response.writeHead(status, head);
      const onSent = (bytes: number) => this.ledger.countOrigin(artifact, WHY, bytes);
      const whole = await sendPayload(payload, file.offset + offset, length, response, { onSent });
      if (whole) response.end();
      this.counters.count('served');
    } finally {
      release();
    }
  }

  /** @throws OVER_BUDGET with the seconds to wait */
  #admit(bytes: number): () => void {
    const admitted = this.budget.admit(bytes);
    if ('release' in admitted) return admitted.release;
    throw new FleetseedError(
      'OVER_BUDGET',
      'The web seed sends as much as it may; get it from peers, or come back.',
      { retryAfter: admitted.retryAfterSeconds },
    );
  }

  #pathsOf(artifact: OpenArtifact): ArtifactPaths {
    let paths = this.#paths.get(artifact);
    if (!paths) this.#paths.set(artifact, (paths = new ArtifactPaths(artifact.metainfo)));
    return paths;
  }
}

/** Range is defined for GET only (RFC 9110 §14.2). */
function rangeOf(
  method: string,
  headers: IncomingHttpHeaders,
  etag: string,
  size: number,
): RequestedRange {
  const ifRange = headers['if-range'];
  const counts = method === 'GET' && rangeStillValid(ifRange?.toString(), etag);
  return parseRange(counts ? headers.range : undefined, size);
}
