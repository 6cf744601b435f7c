import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { command } from '../net/command.ts';
import type { Program } from '../net/program.ts';
import type { Contestant, Race, Stage } from './contestant.types.ts';

const PORT = 8080;

/** What the machine can do at all: sendfile on one side, a plain copy to a file on the other. */
export const nginxCurl: Contestant = {
  name: 'nginx→curl',
  version: `nginx ${versionOf('nginx', '-V')}, curl ${versionOf('curl', '--version')}`,
  clock: "curl's `time_total`; nothing is verified",
  settings: 'one worker, sendfile, tcp_nopush, no log',
  async prepare(stage: Stage): Promise<Race> {
    const { origin, others } = stage.network;
    const config = join(stage.folder, 'nginx.conf');
    const address = `${origin.address}:${PORT}`;
    writeFileSync(config, configuration(stage.folder, address, dirname(stage.payload.path)));
    const seed = origin.start('nginx', ['nginx', '-c', config, '-p', stage.folder]);
    const patient = ['curl', '-sS', '--retry-connrefused', '--retry', '20', '--retry-delay', '1'];
    await origin.run('curl', [...patient, '--head', `http://${address}/payload.bin`]);
    const downloaders: Program[] = [];
    const fileOf = (host: number) => join(stage.folder, `${others[host]!.name}.bin`);
    return {
      seed,
      downloaders,
      start() {
        others.forEach((host, index) => {
          // The shell waits for a line, so that what curl took can be read when it has ended.
          const script = `${CURL} -o "$1" "$2"; read -r _`;
          const words = ['sh', '-c', script, 'sh', fileOf(index), `http://${address}/payload.bin`];
          downloaders.push(host.start('curl', words));
        });
        return Promise.resolve();
      },
      async complete(host) {
        const { text } = await downloaders[host]!.line('seconds=');
        return Number(text.slice('seconds='.length));
      },
      fileOf,
    };
  },
};

const CURL = "curl -sS --fail -w 'seconds=%{time_total}\\n'";

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

function versionOf(program: string, flag: string): string {
  const said = command('sh', '-c', `${program} ${flag} 2>&1`);
  return /(\d+\.\d+\.\d+)/.exec(said)![1]!;
}
