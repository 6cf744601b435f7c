import type { LoggerService } from '@nestjs/common';

import type { Logger } from '#lib/runtime';

/** The framework's own messages in our log: its chatter at start counts as debugging. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, ...rest: unknown[]): void {
    this.logger.debug('framework', { text: String(message), context: contextOf(rest) });
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.log(message, ...rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.log(message, ...rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.logger.warn('framework', { text: String(message), context: contextOf(rest) });
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.logger.error('framework', { text: String(message), context: contextOf(rest) });
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.error(message, ...rest);
  }
}

function contextOf(rest: readonly unknown[]): string {
  return rest
    .filter((part): part is string | Error => typeof part === 'string' || part instanceof Error)
    .map(String)
    .join(' ');
}
