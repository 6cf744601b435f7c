/** What one check found. `skipped`: it could not be made, which is not a fault. */
export interface CheckResult {
  readonly check: 'origin' | 'clock' | 'token' | 'peer' | 'disk';
  readonly state: 'ok' | 'warning' | 'failed' | 'skipped';
  /** A sentence for people, without a full stop. */
  readonly detail: string;
}
