import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Payload } from '../measure/payload.ts';
import { versionOf } from '../net/command.ts';
import type { Host } from '../net/host.ts';
import type { Program } from '../net/program.ts';
import { FLEETSEED, type Origin } from './fleetseed-origin.ts';

/** Something that takes uploads. */
export interface UploadTarget {
  readonly name: string;
  /** The process that takes them. */
  readonly pid: number;
  /** The words of a program that uploads the payload; `name` is one that was not used before. */
  client(payload: Payload, name: string): string[];
}

export const NGINX = versionOf(/nginx\/(\S+)/, 'nginx', '-v');
export const CURL = versionOf(/^curl (\S+)/, 'curl', '--version');
const NGINX_PORT = 8080;

/**
 * WebDAV PUT to nginx, which hashes nothing. Bodies go into a file beside their place and are renamed.
 * A tree is sent by one curl over one connection.
 */
export async function startNginxDav(
  host: Host,
  folder: string,
): Promise<UploadTarget & { root: string }> {
  const root = join(folder, 'dav');
  mkdirSync(root, { recursive: true });
  const address = `${host.address}:${NGINX_PORT}`;
  const config = join(folder, 'nginx-dav.conf');
  writeFileSync(config, configuration(folder, address, root));
  const nginx = host.start('nginx', ['nginx', '-c', config, '-p', folder]);
  const url = `http://${address}`;
  const patient = ['curl', '-sS', '--retry-connrefused', '--retry', '20', '--retry-delay', '1'];
  await host.run('curl', [...patient, '--head', '-o', '/dev/null', url]);
  return {
    name: 'curl → nginx',
    pid: nginx.pid,
    root,
    client(payload, name) {
      const to = `${url}/${name}`;
      if (!payload.tree) return [...CURL_WORDS, '-T', payload.path, to];
      const list = join(folder, `${name}.curl`);
      const lines = [...payload.sha256.keys()].map(
        (path) => `upload-file = "${join(payload.path, path)}"\nurl = "${to}/${path}"`,
      );
      writeFileSync(list, lines.join('\n'));
      return [...CURL_WORDS, '--config', list];
    },
  };
}

/** One request to the origin's URL for files from anywhere: hashed, published, released. */
export function originByCurl(origin: Origin): UploadTarget {
  const token = readFileSync(origin.adminToken, 'utf8').trim();
  return {
    name: 'curl → fleetseed',
    pid: origin.program.pid,
    client(payload, name) {
      const url = `${origin.url}/api/v1/apps/${name}/releases/1/content?name=payload`;
      return [...CURL_WORDS, '-H', `authorization: Bearer ${token}`, '-T', payload.path, url];
    },
  };
}

/** The command: hashes, asks what is lacking, sends parts side by side, waits until it is published. */
export function originByPush(origin: Origin): UploadTarget {
  return {
    name: 'fleetseed push',
    pid: origin.program.pid,
    client: (payload, name) =>
      [
        [FLEETSEED, 'push', payload.path, '--app', name, '--version', '1', '--json'],
        ['--origin', origin.url, '--token-file', origin.adminToken],
      ].flat(),
  };
}

/** Uploads all payloads at once. @returns seconds from the first start to the last end */
export async function uploadAll(
  host: Host,
  target: UploadTarget,
  payloads: readonly Payload[],
  name: string,
  patienceMs: number,
): Promise<number> {
  const words = payloads.map((payload, nth) => target.client(payload, `${name}-${nth}`));
  const began = performance.now();
  const clients: Program[] = words.map((each) => host.start(target.name, each));
  await Promise.all(clients.map((client) => client.finished(patienceMs)));
  return (performance.now() - began) / 1000;
}

const CURL_WORDS = ['curl', '-sS', '--fail', '-o', '/dev/null'];

function configuration(folder: string, listen: string, root: string): string {
  return `
    daemon off; worker_processes auto; pid ${folder}/nginx-dav.pid; error_log stderr; user root;
    events { worker_connections 1024; }
    http {
      access_log off; client_max_body_size 0; keepalive_requests 1000000;
      client_body_temp_path ${root}/.incoming; proxy_temp_path ${folder}/nginx-proxy;
      fastcgi_temp_path ${folder}/nginx-fastcgi; uwsgi_temp_path ${folder}/nginx-uwsgi;
      scgi_temp_path ${folder}/nginx-scgi;
      server { listen ${listen}; location / { root ${root}; dav_methods PUT; create_full_put_path on; } }
    }
  `;
}
