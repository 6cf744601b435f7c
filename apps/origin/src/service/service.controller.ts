import { Controller, Get } from '@nestjs/common';

import type { ServiceInfo } from '#lib/contracts';
import { productVersion } from '#lib/runtime';

import type { Principal } from '../auth/principal.js';
import { Caller, Public, Scopes } from '../auth/scopes.decorator.js';

@Controller('api/v1')
export class ServiceController {
  @Get('service')
  @Public()
  service(): ServiceInfo {
    return { service: 'fleetseed', version: productVersion(), api: 1 };
  }

  @Get('whoami')
  @Scopes('any')
  whoami(@Caller() caller: Principal): { name: string; scopes: readonly string[] } {
    return { name: caller.name, scopes: caller.scopes };
  }
}
