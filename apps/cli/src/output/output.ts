import type { WriteStream } from 'node:tty';

import { systemClock } from '#lib/runtime';

import { ProgressDisplay } from './progress.display.js';

/** The two streams of a process and what decides how they are written to. */
export interface OutputHost {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown; isTTY?: boolean; columns?: number };
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * What a verb says. Results go to stdout, as JSON lines when asked for; everything that is said on
 * the way (progress, notes) goes to stderr, so that stdout can be piped.
 */
export class Output {
  constructor(
    readonly json: boolean,
    private readonly host: OutputHost,
  ) {}

  /** The result: one JSON line, or the text for people. */
  result(value: unknown, text: () => string): void {
    this.host.stdout.write(this.json ? `${JSON.stringify(value)}\n` : `${text()}\n`);
  }

  /** The result of a verb whose stdout has the content itself: on stderr. */
  resultAside(value: unknown, text: () => string): void {
    this.note(this.json ? JSON.stringify(value) : text());
  }

  /** Something worth knowing that is not the result. */
  note(text: string): void {
    this.host.stderr.write(`${text}\n`);
  }

  progress(label: string): ProgressDisplay {
    const { stderr } = this.host;
    const target = {
      write: (text: string) => void stderr.write(text),
      terminal: this.terminal,
      color: this.color,
      // A pseudo-terminal that nobody sized says 0.
      columns: () => stderr.columns || 80,
    };
    return new ProgressDisplay(label, target, systemClock);
  }

  get terminal(): boolean {
    return stderrIsTerminal(this.host);
  }

  /** https://no-color.org: any value that is not empty means no. */
  get color(): boolean {
    const { NO_COLOR, TERM } = this.host.env;
    return this.terminal && (NO_COLOR ?? '') === '' && TERM !== 'dumb';
  }
}

/** A dumb terminal cannot redraw a line, so it is written to like a log. */
function stderrIsTerminal(host: OutputHost): boolean {
  return (host.stderr as Partial<WriteStream>).isTTY === true && host.env['TERM'] !== 'dumb';
}
