import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

import { describe, expect, it } from 'vitest';

import { memoryTransports } from './memory.transport.js';
import { TcpTransport } from './tcp.transport.js';
import { transportsKeepTheContract, type TransportPair } from './transport.conformance.fixture.js';

const HOST = '127.0.0.1';

async function tcpPair(): Promise<TransportPair> {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const dialled = TcpTransport.dial({ host: HOST, port, timeoutMs: 5000 });
  const [socket] = (await once(server, 'connection')) as [Socket];
  const accepted = TcpTransport.accepted(socket);
  return {
    dialled,
    accepted,
    cleanUp: async () => {
      dialled.close();
      accepted.close();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('memory', () => {
  transportsKeepTheContract(() => {
    const [dialled, accepted] = memoryTransports();
    return Promise.resolve({ dialled, accepted });
  });
});

describe('TCP', () => {
  transportsKeepTheContract(tcpPair);

  it('knows who the other end is', async () => {
    const { dialled, accepted, cleanUp } = await tcpPair();
    expect(accepted.host).toBe(HOST);
    expect(dialled.host).toBe(HOST);
    expect(accepted.port).toBeGreaterThan(0);
    await cleanUp!();
  });

  it('says why nobody could be reached', async () => {
    const { dialled, accepted, cleanUp } = await tcpPair();
    const { port } = dialled;
    accepted.close();
    await cleanUp!();
    const error = await new Promise<Error | null>((closed) => {
      const handler = { connected: () => {}, data: () => {}, closed };
      TcpTransport.dial({ host: HOST, port, timeoutMs: 5000 }).start(handler);
    });
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
  });
});
