import type { LimitsChange, LimitsState } from '#lib/contracts';
import type { Session } from '#lib/swarm';

/** The limits of the agent's session, as programs on the machine see and change them. */
export class SwarmLimits {
  constructor(private readonly session: Session) {}

  state(): LimitsState {
    const { limits, artifactLimits } = this.session;
    const artifacts = [...artifactLimits].map(([artifact, own]) => ({ artifact, ...own }));
    return { ...limits, artifacts };
  }

  change({ artifact, upload, download }: LimitsChange): LimitsState {
    const limits = {
      ...(upload === undefined ? {} : { upload }),
      ...(download === undefined ? {} : { download }),
    };
    if (artifact === undefined) this.session.setLimits(limits);
    else this.session.setArtifactLimits(Buffer.from(artifact, 'hex'), limits);
    return this.state();
  }
}
