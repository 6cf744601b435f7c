import type { Announcer, PeerAddress } from '../announce/announcer.js';
import type { PeerAccess, TorrentOptions, WebSeed } from '../torrent/torrent.types.js';

/** How to take part in the swarm of an artifact. */
export interface SwarmAccess {
  readonly announcer: Announcer;
  readonly webSeeds: readonly WebSeed[];
  readonly swarmSecret: Buffer | null;
  /** 'members' by default. */
  readonly peerAccess?: PeerAccess;
  /** Peers that are known without asking a tracker: origins. */
  readonly peers: readonly PeerAddress[];
  /** Target id, told to members. */
  readonly target?: string;
  /** Where this machine stands; left out when nobody said. */
  readonly zone?: string;
}

/** The same as a torrent is told it; `peers` are added to one that downloads. */
export function accessOptions(
  access: SwarmAccess,
): Pick<TorrentOptions, 'announcer' | 'webSeeds' | 'swarmSecret' | 'access' | 'target' | 'zone'> {
  const { announcer, webSeeds, swarmSecret, peerAccess = 'members', target, zone } = access;
  return {
    announcer,
    webSeeds,
    swarmSecret,
    access: peerAccess,
    ...(target === undefined ? {} : { target }),
    ...(zone === undefined ? {} : { zone }),
  };
}
