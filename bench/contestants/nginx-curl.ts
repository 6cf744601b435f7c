import { writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { command, versionOf } from '../net/command.ts';
import type { Host } from '../net/host.ts';
import type { Program } from '../net/program.ts';
import type { Contestant, Race, Stage } from './contestant.types.ts';

const PORT = 8080;
const NGINX = versionOf(/nginx\/(\S+)/, 'nginx', '-v');
const CURL = versionOf(/^curl (\S+)/, 'curl', '--version');

/** What the machine can do at all: sendfile on one side, a plain copy to files on the other. */
export const nginxCurl: Contestant = {
  name: 'nginx→curl',
  version: NGINX && CURL && `nginx ${NGINX}, curl ${CURL}`,
  debianPackage: 'nginx-light curl',
  clock:
    "curl's `time_total`, of a tree the time of `curl | tar -x` on a tar that was made before; nothing is " +
    'verified',
  settings: 'one worker, sendfile, tcp_nopush, no log',
  async prepare(stage: Stage): Promise<Race> {
    const { payload, folder } = stage;
    const { origin, others } = stage.network;
    const served = payload.tree ? pack(payload.path, folder) : payload.path;
    const address = `${origin.address}:${PORT}`;
    const url = `http://${address}/${basename(served)}`;
    const config = join(folder, 'nginx.conf');
    writeFileSync(config, configuration(folder, address, dirname(served)));
    const seed = origin.start('nginx', ['nginx', '-c', config, '-p', folder]);
    const patient = ['curl', '-sS', '--retry-connrefused', '--retry', '20', '--retry-delay', '1'];
    await origin.run('curl', [...patient, '--head', url]);
    const downloaders: Program[] = [];
    const folderOf = (index: number) => join(folder, others[index]!.name);
    const fetch = (host: Host, into: string) =>
      host.start('curl', ['sh', '-c', payload.tree ? FETCH_TREE : FETCH_FILE, 'sh', into, url]);
    return {
      seed,
      downloaders,
      start(starting) {
        for (const index of starting) downloaders[index] = fetch(others[index]!, folderOf(index));
        return Promise.resolve();
      },
      async complete(host, patienceMs) {
        const { text } = await downloaders[host]!.line('seconds=', patienceMs);
        return Number(text.slice('seconds='.length));
      },
      contentOf: (host) => join(folderOf(host), basename(payload.path)),
    };
  },
};

/** The shell waits for a line, so that what was taken can be read when it has ended. */
const FETCH_FILE = `
  mkdir "$1" && cd "$1" && curl -sS --fail -w 'seconds=%{time_total}\\n' -O "$2"
  read -r _`;
const FETCH_TREE = `
  mkdir "$1" && cd "$1" || exit 1
  began=$(date +%s.%N)
  curl -sS --fail "$2" | tar -x && echo "seconds=$(date +%s.%N) $began" |
    awk -F '[= ]' '{ printf "seconds=%.3f\\n", $2 - $3 }'
  read -r _`;

function pack(tree: string, folder: string): string {
  const file = join(folder, 'payload.tar');
  command('tar', ['-c', '-f', file, '-C', dirname(tree), basename(tree)]);
  return file;
}

function configuration(folder: string, listen: string, root: string): string {
  return `
    daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log stderr; user root;
    events { worker_connections 1024; }
    http {
      access_log off; sendfile on; tcp_nopush on;
      client_body_temp_path ${folder}/nginx-body; proxy_temp_path ${folder}/nginx-proxy;
      fastcgi_temp_path ${folder}/nginx-fastcgi; uwsgi_temp_path ${folder}/nginx-uwsgi;
      scgi_temp_path ${folder}/nginx-scgi;
      server { listen ${listen}; location / { root ${root}; } }
    }
  `;
}
