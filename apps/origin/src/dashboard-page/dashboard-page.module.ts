import { join } from 'node:path';

import {
  Injectable,
  Module,
  type MiddlewareConsumer,
  type NestMiddleware,
  type NestModule,
  type OnModuleInit,
} from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';

import { readPageFiles } from './page.files.js';
import { pageHandler } from './page.http.js';

/** Where the build puts the page: seen from what is built beside it, and from the sources. */
const BUILT = import.meta.filename.endsWith('.ts')
  ? join(import.meta.dirname, '../../../../dist/apps/dashboard')
  : join(import.meta.dirname, '../../../dashboard');

@Injectable()
export class DashboardPageMiddleware implements NestMiddleware, OnModuleInit {
  #handle: ReturnType<typeof pageHandler> = () => false;

  async onModuleInit(): Promise<void> {
    this.#handle = pageHandler(await readPageFiles(BUILT));
  }

  use(request: Request, response: Response, next: NextFunction): void {
    // A router before us may have cut its own part off `url`.
    if (!this.#handle(request.originalUrl, request, response)) next();
  }
}

/** The dashboard at `/`; it has no data of its own, and asks the API with the caller's token. */
@Module({ providers: [DashboardPageMiddleware] })
export class DashboardPageModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(DashboardPageMiddleware).forRoutes('{*path}');
  }
}
