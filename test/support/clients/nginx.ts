import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { ClientProcess, freePort } from './client-process.js';

const START_MS = 10_000;

export interface Nginx {
  /** The folder is served at this URL, which ends with a slash. */
  readonly url: string;
  /** The lines of its access log: method, path, range and status. */
  requests(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/** nginx as it comes, serving one folder: a web seed that knows nothing of BitTorrent. */
export async function startNginx(folder: string): Promise<Nginx> {
  const address = '127.0.0.1';
  const port = await freePort(address);
  const own = await mkdtemp(join(tmpdir(), 'fleetseed-nginx-'));
  await chmod(own, 0o755);
  const config = join(own, 'nginx.conf');
  await writeFile(
    config,
    `daemon off; worker_processes 1; pid ${own}/pid; error_log stderr; user root;
     events {}
     http {
       log_format ranges '$request_method $request_uri $http_range $status';
       access_log ${own}/access.log ranges;
       client_body_temp_path ${own}; proxy_temp_path ${own}; fastcgi_temp_path ${own};
       uwsgi_temp_path ${own}; scgi_temp_path ${own};
       server { listen ${address}:${port}; location /seed/ { alias ${folder}/; } }
     }`,
  );
  const program = new ClientProcess('nginx', '/usr/sbin/nginx', ['-p', own, '-c', config]);
  await program.begin(() =>
    program.until('an answer', AbortSignal.timeout(START_MS), async () => {
      const answer = await fetch(`http://${address}:${port}/`).catch(() => null);
      return answer?.body?.cancel().then(() => true) ?? null;
    }),
  );
  return {
    url: `http://${address}:${port}/seed/`,
    async requests() {
      const log = await readFile(join(own, 'access.log'), 'utf8');
      return log.split('\n').filter((line) => line.startsWith('GET /seed/'));
    },
    async stop() {
      await program.stop();
      await rm(own, { recursive: true, force: true });
    },
  };
}
