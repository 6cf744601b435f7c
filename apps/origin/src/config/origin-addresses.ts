import { Injectable } from '@nestjs/common';

/**
 * Where this process is really reached, port 0 resolved. Each door writes its own address down when
 * it listens (`peer` and `udpTracker` no later than `onApplicationBootstrap`), for the ready line
 * and for the tickets that are handed out.
 */
@Injectable()
export class OriginAddresses {
  /** `http://IP:PORT` of the API; '' before it listens. */
  http = '';
  /** `HOST:PORT` that peers dial; '' when this process does not seed. */
  peer = '';
  /** `udp://IP:PORT`, or null when there is no UDP tracker. */
  udpTracker: string | null = null;
}
