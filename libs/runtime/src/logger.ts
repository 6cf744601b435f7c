/** Facts of a log entry: the message is a constant phrase, what varies goes here. */
export type LogFacts = Readonly<Record<string, unknown>>;

/**
 * Structured logging. Messages are constant phrases (`'peer banned'`), facts are fields. Secrets
 * never go into facts.
 */
export interface Logger {
  debug(message: string, facts?: LogFacts): void;
  info(message: string, facts?: LogFacts): void;
  warn(message: string, facts?: LogFacts): void;
  error(message: string, facts?: LogFacts): void;
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LEVELS)[number];

export interface StreamLoggerOptions {
  readonly level?: LogLevel;
  /** One JSON object a line; otherwise a line for people. */
  readonly json: boolean;
  readonly write: (line: string) => void;
}

/** Writes one line an entry; JSON for machines, words for a terminal. */
export function streamLogger(options: StreamLoggerOptions): Logger {
  const lowest = LEVELS.indexOf(options.level ?? 'info');
  const at = (level: LogLevel) => (message: string, facts?: LogFacts) => {
    if (LEVELS.indexOf(level) < lowest) return;
    options.write(options.json ? jsonLine(level, message, facts) : textLine(level, message, facts));
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function jsonLine(level: LogLevel, message: string, facts: LogFacts = {}): string {
  const shown = Object.fromEntries(
    Object.entries(facts).map(([key, value]) => [key, plain(value)]),
  );
  return `${JSON.stringify({ time: new Date().toISOString(), level, message, ...shown })}\n`;
}

function textLine(level: LogLevel, message: string, facts: LogFacts = {}): string {
  const shown = Object.entries(facts).map(([key, value]) => `${key}=${shownText(plain(value))}`);
  return `${[level.padEnd(5), message, ...shown].join(' ')}\n`;
}

/** What comes from outside must not write lines of its own, or move a terminal's cursor. */
function shownText(value: unknown): string {
  const text = typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
  return text.replaceAll(/\p{Cc}/gu, (control) => {
    return `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

function plain(value: unknown): unknown {
  if (value instanceof Error) {
    const cause = value.cause instanceof Error ? `: ${value.cause.message}` : '';
    return `${value.name}: ${value.message}${cause}`;
  }
  return typeof value === 'bigint' ? value.toString() : value;
}
