import { describe, expect, it } from 'vitest';

import { checkConfig } from './config-parser.js';
import { OriginAddresses } from './origin-addresses.js';
import { PublicUrl } from './public-url.js';

const S3_AND_REDIS = { s3Bucket: 'depot', redisUrl: 'redis://127.0.0.1' };

function udpTrackerOf(
  udpTracker: string | null,
  host: string,
  publicUrl?: string,
  settings: Readonly<Record<string, string>> = {},
): string | null {
  const addresses = new OriginAddresses();
  addresses.http = 'http://127.0.0.1:7070';
  addresses.udpTracker = udpTracker;
  const config = checkConfig(publicUrl === undefined ? settings : { ...settings, publicUrl });
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

  it('is that of the replicas that are trackers, where this one is none', () => {
    const elsewhere = { ...S3_AND_REDIS, roles: 'api', udpTracker: '0.0.0.0:6969' };
    expect(udpTrackerOf(null, 'deploy.example', undefined, elsewhere)).toBe(
      'udp://deploy.example:6969',
    );
    const unknown = { ...elsewhere, udpTracker: '0.0.0.0:0' };
    expect(udpTrackerOf(null, 'deploy.example', undefined, unknown)).toBeNull();
  });
});
