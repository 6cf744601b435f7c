import { describe, expect, it } from 'vitest';

import { checkConfig } from './config-parser.js';
import { OriginAddresses } from './origin-addresses.js';
import { PublicUrl } from './public-url.js';

function udpTrackerOf(udpTracker: string | null, host: string, publicUrl?: string): string | null {
  const addresses = new OriginAddresses();
  addresses.http = 'http://127.0.0.1:7070';
  addresses.udpTracker = udpTracker;
  const config = checkConfig(publicUrl === undefined ? {} : { publicUrl });
  return new PublicUrl(config, addresses).udpTrackerOf({ protocol: 'http', host });
}

describe('the URL of the UDP tracker', () => {
  it.each([
    ['udp://0.0.0.0:6969', 'deploy.example:7070', undefined, 'udp://deploy.example:6969'],
    ['udp://[::]:6969', '[fd00::1]:7070', undefined, 'udp://[fd00::1]:6969'],
    ['udp://[::]:6969', 'not a host', undefined, 'udp://127.0.0.1:6969'],
    ['udp://10.0.0.1:6969', 'deploy.example', undefined, 'udp://10.0.0.1:6969'],
    ['udp://10.0.0.1:6969', '10.0.0.1', 'https://fleet.example:8443', 'udp://fleet.example:6969'],
    [null, 'deploy.example', 'https://fleet.example', null],
  ])('on %s for who came to %s, published as %s: %s', (listening, host, publicUrl, expected) => {
    expect(udpTrackerOf(listening, host, publicUrl)).toBe(expected);
  });
});
