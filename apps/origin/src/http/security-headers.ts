import type { SecurityHeadersOptions } from '@nestjs/common';

/**
 * Strict by default. `upgrade-insecure-requests` is left out: on plain HTTP it would make browsers
 * ask for the dashboard's own files over HTTPS, where nobody listens.
 */
export const securityHeaders: SecurityHeadersOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: "'none'",
      scriptSrc: "'self'",
      styleSrc: ["'self'", "'unsafe-inline'"],
      imgSrc: ["'self'", 'data:'],
      fontSrc: "'self'",
      connectSrc: "'self'",
      baseUri: "'none'",
      formAction: "'none'",
      frameAncestors: "'none'",
    },
  },
};
