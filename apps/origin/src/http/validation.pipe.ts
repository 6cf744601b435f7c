import { StandardSchemaValidationPipe } from '@nestjs/common';

import { FleetseedError } from '#lib/contracts';

const MAX_ISSUES = 5;

/** Checks what routes declare with `schema` and says what is wrong, and where. */
export const validationPipe = new StandardSchemaValidationPipe({
  exceptionFactory: (issues) => {
    const sentences = issues.slice(0, MAX_ISSUES).map(({ path, message }) => {
      const where = (path ?? []).map((step) => String(typeof step === 'object' ? step.key : step));
      return where.length > 0 ? `${where.join('.')}: ${message}` : message;
    });
    const more = issues.length > MAX_ISSUES ? ` (and ${issues.length - MAX_ISSUES} more)` : '';
    return new FleetseedError('REQUEST_INVALID', `${sentences.join('; ')}${more}.`);
  },
});
