import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

import type { AgentEvent, AgentReport, ArtifactSummary, TargetApp } from '#lib/contracts';
import {
  bdict,
  bencode,
  buildMetainfo,
  encodeMetainfo,
  fileRoot,
  leafHashesOf,
  type BencodeInput,
} from '#lib/torrent';

/** An artifact as no origin of ours would make it. */
export interface HostileArtifact {
  readonly metainfo: Buffer;
  readonly summary: ArtifactSummary;
  /** By path, with slashes. */
  readonly files: ReadonlyMap<string, Buffer>;
}

const PIECE_LENGTH = 65_536;
const NAME = 'web';

/**
 * A v2 artifact whose file tree is written as given: what our own builder would refuse, too.
 * @param tree the `file tree` of BEP 52
 */
export function artifactOfTree(tree: BencodeInput, name = NAME): HostileArtifact {
  const info = bdict({
    'file tree': tree,
    'meta version': 2,
    name,
    'piece length': PIECE_LENGTH,
    private: 1,
  });
  const infoBytes = bencode(info);
  const metainfo = encodeMetainfo({ infoBytes, pieceLayers: new Map() });
  return { metainfo, summary: summaryOf(infoBytes), files: new Map() };
}

/** A file of one piece in a `file tree`. */
export function fileNode(content: Buffer): BencodeInput {
  const root = fileRoot(leafHashesOf(content), content.length)!;
  return bdict({ '': bdict({ length: content.length, 'pieces root': root }) });
}

/** A link in a `file tree` (BEP 47). */
export function linkNode(...target: string[]): BencodeInput {
  return bdict({ '': bdict({ attr: 'l', length: 0, 'symlink path': target }) });
}

/** A well-formed artifact with a description of the tree (`.fleetseed/tree.json`) of our choice. */
export function artifactWithDocument(document: unknown): HostileArtifact {
  const files = new Map([
    ['.fleetseed/tree.json', Buffer.from(JSON.stringify(document))],
    ['honest', Buffer.from('content')],
  ]);
  const built = buildMetainfo({
    name: NAME,
    single: false,
    format: 'v2',
    pieceLength: PIECE_LENGTH,
    files: [...files].map(([path, content]) => ({
      path: path.split('/'),
      length: content.length,
      leafHashes: leafHashesOf(content),
    })),
  });
  return { metainfo: built.metainfoBytes, summary: summaryOf(built.infoBytes), files };
}

function summaryOf(infoBytes: Buffer): ArtifactSummary {
  const artifact = createHash('sha256').update(infoBytes).digest('hex');
  return {
    artifact,
    infoHashV1: null,
    infoHashV2: artifact,
    name: NAME,
    single: false,
    bytes: 7,
    files: 1,
    pieces: 1,
    pieceLength: PIECE_LENGTH,
  };
}

/** An origin that an attacker runs: it lets every agent in, and wants a hostile artifact of it. */
export class HostileOrigin {
  readonly #reports: TargetApp[] = [];

  private constructor(
    private readonly server: Server,
    private readonly app: string,
    private readonly artifact: HostileArtifact,
  ) {
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  static async start(app: string, artifact: HostileArtifact): Promise<HostileOrigin> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new HostileOrigin(server, app, artifact);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** What agents reported of the app, oldest first. */
  get reports(): readonly TargetApp[] {
    return this.#reports;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', this.url);
    const body = await text(request);
    const json = (value: unknown) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(value));
    };
    if (pathname === '/api/v1/agent/events') return this.#events(response);
    if (pathname.endsWith('/metainfo')) return void response.end(this.artifact.metainfo);
    if (pathname.startsWith('/webseed/')) return this.#webSeed(pathname, request, response);
    if (pathname === '/api/v1/agent/report') {
      this.#reports.push(...(JSON.parse(body) as AgentReport).apps);
    }
    json(this.#told(pathname));
  }

  #told(pathname: string): unknown {
    const { artifact } = this.artifact.summary;
    const ticket = {
      artifact,
      announce: [],
      swarmSecret: Buffer.alloc(32).toString('base64url'),
      origins: [],
      webSeed: `${this.url}/webseed/-/${artifact}/`,
    };
    const answers: Record<string, unknown> = {
      join: { target: 'a'.repeat(40) },
      challenge: { challenge: 'challenge' },
      session: { token: 'token', expiresAt: Date.now() + 3_600_000, bootEpoch: 'epoch' },
      follow: { apps: [] },
      report: { acknowledged: 0 },
      tickets: { tickets: [ticket] },
    };
    return answers[pathname.split('/').at(-1)!] ?? {};
  }

  #events(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const release = { version: '1', artifact: this.artifact.summary };
    const wish = { app: this.app, channel: 'stable', sequence: 1, release, activate: true };
    const events: AgentEvent[] = [
      { type: 'hello', bootEpoch: 'epoch' },
      { type: 'desired', apps: [wish] },
    ];
    for (const event of events) response.write(`data: ${JSON.stringify(event)}\n\n`);
  }

  #webSeed(pathname: string, request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent(pathname).split('/').slice(5).join('/');
    const content = this.artifact.files.get(path);
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    if (!content) return void response.writeHead(404).end();
    const [first, last] = range ? [Number(range[1]), Number(range[2])] : [0, content.length - 1];
    const part = content.subarray(first, last + 1);
    const head = { 'content-range': `bytes ${first}-${last}/${content.length}` };
    response.writeHead(range ? 206 : 200, { ...head, 'content-length': part.length }).end(part);
  }
}
