import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/** A gateway from S3 to a folder, in Go; its conditional writes were found to have one winner. */
const MODULE = 'github.com/versity/versitygw/cmd/versitygw';
const VERSION = 'v1.8.0';
const CACHE = join(import.meta.dirname, '../../../node_modules/.cache/fleetseed');
const BINARY = join(CACHE, `versitygw-${VERSION}`);
/** A first build compiles a few hundred packages. */
const BUILD_TIMEOUT_MS = 20 * 60_000;
const START_TIMEOUT_MS = 30_000;

/** Whether this machine can build it, or has. */
export async function hasVersitygw(): Promise<boolean> {
  if (existsSync(BINARY)) return true;
  return promisify(execFile)('go', ['version']).then(
    () => true,
    () => false,
  );
}

/** Builds the pinned version once. */
export async function buildVersitygw(): Promise<string> {
  if (existsSync(BINARY)) return BINARY;
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, 'build-'));
  try {
    const env = { ...process.env, GOBIN: folder, CGO_ENABLED: '0' };
    const words = ['install', '-ldflags=-s -w', `${MODULE}@${VERSION}`];
    await promisify(execFile)('go', words, { env, timeout: BUILD_TIMEOUT_MS });
    await rename(join(folder, 'versitygw'), BINARY);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return BINARY;
}

export interface RunningVersitygw {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/**
 * Starts one on loopback with a folder of its own, in which `bucket` is.
 * @param domain hosts below it are buckets, too
 */
export async function startVersitygw(
  bucket: string,
  credentials: { readonly accessKeyId: string; readonly secretAccessKey: string },
  domain?: string,
): Promise<RunningVersitygw> {
  const binary = await buildVersitygw();
  const folder = await mkdtemp(join(tmpdir(), 'fleetseed-s3-'));
  await mkdir(join(folder, 'data', bucket), { recursive: true });
  await mkdir(join(folder, 'meta'));
  const port = await freePort();
  const where = ['posix', '--sidecar', join(folder, 'meta'), join(folder, 'data')];
  const child = spawn(
    binary,
    ['--quiet', '--keep-alive', '--port', `127.0.0.1:${port}`, ...where],
    {
      env: {
        ...process.env,
        ...(domain === undefined ? {} : { VGW_VIRTUAL_DOMAIN: domain }),
        ROOT_ACCESS_KEY: credentials.accessKeyId,
        ROOT_SECRET_KEY: credentials.secretAccessKey,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let said = '';
  child.stderr
    .setEncoding('utf8')
    .on('data', (text: string) => (said = (said + text).slice(-8192)));
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const stop = async () => {
    process.removeListener('exit', kill);
    await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await untilListening(port, child);
  } catch (cause) {
    await stop();
    throw new Error(`versitygw did not start: ${said}`, { cause });
  }
  return { endpoint: `http://127.0.0.1:${port}`, stop };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

async function untilListening(port: number, child: ChildProcess): Promise<void> {
  const end = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
      await sleep(50);
    } finally {
      socket.destroy();
    }
  }
}

/** Free a moment ago: it can not be told to take any and say which. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
