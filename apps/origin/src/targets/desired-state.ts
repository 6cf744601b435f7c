import type { ArtifactSummary, ChannelState, DesiredApp, FollowRequest } from '#lib/contracts';

/** One app@channel that a target follows. */
export type Followed = FollowRequest['apps'][number];

/** The newest entry of a channel, and the artifact its version is bound to. */
export interface ChannelHead {
  readonly state: ChannelState;
  readonly artifact: ArtifactSummary;
}

/**
 * What a target should have now: of each app@channel that it follows, the newest entry. With the
 * policy `immediate` everything is staged and activated everywhere at once. A channel that points
 * nowhere is told too, so that an agent knows it was heard.
 *
 * The order is that of names, so that equal wishes are equal texts.
 */
export function desiredState(
  followed: readonly Followed[],
  headOf: (app: string, channel: string) => ChannelHead | null,
): DesiredApp[] {
  const wanted = new Map(followed.map((each) => [keyOf(each), each]));
  return [...wanted.keys()].sort().map((key) => {
    const { app, channel } = wanted.get(key)!;
    const head = headOf(app, channel);
    if (!head) return { app, channel, sequence: 0, release: null, activate: false };
    return {
      app,
      channel,
      sequence: head.state.sequence,
      release: { version: head.state.version, artifact: head.artifact },
      activate: true,
    };
  });
}

/** `@` is in no name. */
function keyOf({ app, channel }: Followed): string {
  return `${app}@${channel}`;
}
