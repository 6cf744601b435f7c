import { z } from 'zod';

import { ByteCount, Hex32, HostPort, SwarmFrameReport } from '#lib/contracts';

/** `POST /agent/announce`: everything held, in one batch, after the tracker forgot its peers. */
export const AnnounceBatch = z.object({
  announces: z.array(z.object({ artifact: Hex32, left: ByteCount })).max(100_000),
  peerAddress: HostPort,
});
export type AnnounceBatch = z.infer<typeof AnnounceBatch>;

/** `POST /agent/frames`: one frame of each swarm that is watched. */
export const FramesRequest = z.object({ frames: z.array(SwarmFrameReport).max(256) });
export type FramesRequest = z.infer<typeof FramesRequest>;
