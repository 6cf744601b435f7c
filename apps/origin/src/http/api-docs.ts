import type { NestExpressApplication } from '@nestjs/platform-express';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import type { NextFunction, Request, Response } from 'express';

import { productVersion } from '#lib/runtime';

const PATH = 'api/docs';
/** The page brings an inline script and styles; nothing on it comes from another host. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; " +
  "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'";

/** Serves the OpenAPI document (`/api/docs-json`) and a page to read it, from our own files. */
export function serveApiDocs(app: NestExpressApplication): void {
  app.use(`/${PATH}`, (_: Request, response: Response, next: NextFunction) => {
    response.setHeader('content-security-policy', PAGE_POLICY);
    next();
  });
  // Made at the first look: a start does not wait for it.
  let made: OpenAPIObject | undefined;
  SwaggerModule.setup(PATH, app, () => (made ??= describe(app)));
}

function describe(app: NestExpressApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('Fleetseed')
    .setDescription('Errors are RFC 9457 problems with a stable `code`.')
    .setVersion(productVersion())
    .addBearerAuth()
    .addSecurityRequirements('bearer')
    .build();
  return SwaggerModule.createDocument(app, config);
}
