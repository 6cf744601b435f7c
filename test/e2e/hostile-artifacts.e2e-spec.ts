import { existsSync, readdirSync, writeFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { bdict } from '#lib/torrent';

import { listTree } from '../support/content.js';
import {
  artifactOfTree,
  artifactWithDocument,
  fileNode,
  HostileOrigin,
  linkNode,
  type HostileArtifact,
} from '../support/hostile-origin.js';
import { runFleetseed } from '../support/processes.js';
import { Sandbox } from '../support/sandbox.js';
import { until } from '../support/waiting.js';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.create();
});
afterAll(() => sandbox.close());

const evil = fileNode(Buffer.from('content'));

const TREES: Record<string, HostileArtifact> = {
  'a folder named ..': artifactOfTree(bdict({ '..': bdict({ '..': bdict({ evil }) }) })),
  'a folder named .': artifactOfTree(bdict({ '.': bdict({ evil }) })),
  'a name with slashes': artifactOfTree(bdict({ '../../../evil': evil })),
  'an absolute name': artifactOfTree(bdict({ '/tmp/evil': evil })),
  'a name with a zero byte': artifactOfTree(bdict({ 'evil\0': evil })),
  'a link out of the tree': artifactOfTree(bdict({ link: linkNode('..', '..', 'evil') })),
  'a link to an absolute path': artifactOfTree(bdict({ link: linkNode('/etc/passwd') })),
  'an artifact named ..': artifactOfTree(bdict({ evil }), '..'),
  'an artifact with a path for a name': artifactOfTree(bdict({ evil }), '../../evil'),
};

const DOCUMENTS: Record<string, HostileArtifact> = {
  'an empty folder outside': artifactWithDocument({
    v: 1,
    emptyFolders: ['../../../../evil'],
    links: {},
  }),
  'an absolute empty folder': artifactWithDocument({ v: 1, emptyFolders: ['/tmp/evil'] }),
  'a link with an absolute text': artifactWithDocument({ v: 1, links: { honest: '/etc/passwd' } }),
  'a link outside': artifactWithDocument({ v: 1, links: { '../../evil': 'honest' } }),
};

/** Lets an agent follow an origin that wants this of it. @returns the error that it reports */
async function offer(artifact: HostileArtifact) {
  const origin = await HostileOrigin.start('web', artifact);
  const machine = await sandbox.folder('machine');
  const token = sandbox.path('token');
  writeFileSync(token, 'token');
  const data = `${machine}/deep/data`;
  const where = ['--data', data, '--listen', '127.0.0.1:0', '--origin', origin.url];
  const args = ['agent', ...where, '--join-token-file', token, '--app', 'web@stable'];
  const service = sandbox.start(args);
  try {
    const refusal = await until('it is refused', () =>
      origin.reports.map(({ error }) => error).find((error) => error !== null),
    );
    expect(service.child.exitCode).toBeNull();
    expect(service.events.filter(({ event }) => event !== 'ready')).toEqual([]);
    return { refusal, machine, data };
  } finally {
    await service.stop();
    origin.close();
  }
}

describe('metainfo that would write outside of its folder', () => {
  it.each(Object.entries(TREES))('%s: is refused by name', async (_, { metainfo }) => {
    const file = sandbox.path('hostile.torrent');
    writeFileSync(file, metainfo);
    const { exit, stdout } = await runFleetseed(['torrent', 'inspect', file, '--json']);
    expect(exit).toBe(1);
    expect(stdout).toMatch(/"code":"METAINFO_(?:PATH_)?INVALID"/);
  });

  it('makes an agent write nothing, and say why', async () => {
    const tried = await Promise.all(
      ['a folder named ..', 'a name with slashes', 'a link out of the tree'].map((name) =>
        offer(TREES[name]!),
      ),
    );
    for (const { refusal, machine, data } of tried) {
      expect(refusal.code).toMatch(/^METAINFO_/);
      expect(readdirSync(machine)).toEqual(['deep']);
      expect(readdirSync(`${machine}/deep`)).toEqual(['data']);
      // Not even what would be harmless.
      expect(existsSync(`${data}/apps/web/current`)).toBe(false);
      const written = existsSync(`${data}/apps`) ? await listTree(`${data}/apps`) : [];
      expect(written.filter((line) => line.startsWith('file '))).toEqual([]);
    }
  });
});

describe('the description of a tree', () => {
  it('that leads outside of it is refused, whatever else is right', async () => {
    const tried = await Promise.all(Object.values(DOCUMENTS).map(offer));
    for (const { refusal, machine, data } of tried) {
      expect(refusal.code).toMatch(/^(?:UNPACK_REFUSED|METAINFO_PATH_INVALID|METAINFO_INVALID)$/);
      expect(readdirSync(machine)).toEqual(['deep']);
      expect(readdirSync(`${machine}/deep`)).toEqual(['data']);
      expect(existsSync(`${data}/apps/web/current`)).toBe(false);
    }
    expect(existsSync('/tmp/evil')).toBe(false);
  });
});
