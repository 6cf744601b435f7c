import {
  Body,
  Controller,
  HttpCode,
  Post,
  Put,
  Req,
  RequestMethod,
  Sse,
  type MessageEvent,
} from '@nestjs/common';
import type { Request } from 'express';
import type { Observable } from 'rxjs';
import type { z } from 'zod';

import {
  AgentReport,
  ChallengeRequest,
  FleetseedError,
  FollowRequest,
  JoinRequest,
  SessionRequest,
  TicketsRequest,
  type AgentReportAnswer,
  type Challenge,
  type DesiredApp,
  type JoinAnswer,
  type SessionAnswer,
  type TicketsAnswer,
} from '#lib/contracts';

import { bearerOf } from '../auth/authenticated-request.js';
import type { Principal } from '../auth/principal.js';
import { Caller, Public, Scopes } from '../auth/scopes.decorator.js';
import { PublicUrl } from '../config/public-url.js';
import { SwarmsService } from '../swarms/swarms.service.js';
import { AgentAnnouncesService } from '../tracker/agent-announces.service.js';
import { AgentEventsService } from './agent-events.service.js';
import { AgentReportService } from './agent-report.service.js';
import { AgentSessionsService } from './agent-sessions.service.js';
import { AgentTicketsService } from './agent-tickets.service.js';
import { AnnounceBatch, FramesRequest } from './agent.requests.js';
import { agentOf } from './agent.resolver.js';
import { DesiredStateService } from './desired-state.service.js';

/** Of events that wait for an agent which does not read, in characters. */
const MAX_PENDING = 4 * 1024 * 1024;

type ChallengeRequest = z.infer<typeof ChallengeRequest>;
type TicketsRequest = z.infer<typeof TicketsRequest>;

/** What agents ask. Joining and proving need no session: the proof is inside. */
@Controller('api/v1/agent')
export class AgentController {
  constructor(
    private readonly sessions: AgentSessionsService,
    private readonly desired: DesiredStateService,
    private readonly streams: AgentEventsService,
    private readonly reports: AgentReportService,
    private readonly ticketsOf: AgentTicketsService,
    private readonly announces: AgentAnnouncesService,
    private readonly swarms: SwarmsService,
    private readonly urls: PublicUrl,
  ) {}

  @Post('join')
  @Public()
  @HttpCode(200)
  join(
    @Req() request: Request,
    @Body({ schema: JoinRequest }) body: JoinRequest,
  ): Promise<JoinAnswer> {
    return this.sessions.join(joinTokenOf(request), body);
  }

  @Post('challenge')
  @Public()
  @HttpCode(200)
  challenge(
    @Body({ schema: ChallengeRequest }) { target }: ChallengeRequest,
  ): z.infer<typeof Challenge> {
    return this.sessions.challenge(target);
  }

  @Post('session')
  @Public()
  @HttpCode(200)
  session(@Body({ schema: SessionRequest }) body: SessionRequest): Promise<SessionAnswer> {
    return this.sessions.open(body);
  }

  @Put('follow')
  @Scopes('agent')
  async follow(
    @Caller() caller: Principal,
    @Body({ schema: FollowRequest }) body: FollowRequest,
  ): Promise<{ apps: DesiredApp[] }> {
    return { apps: await this.desired.follow(caller.id, body) };
  }

  @Sse('events', { method: RequestMethod.POST, maxPendingDataLength: MAX_PENDING })
  @Scopes('agent')
  @HttpCode(200)
  events(
    @Caller() caller: Principal,
    @Body({ schema: FollowRequest }) body: FollowRequest,
  ): Observable<MessageEvent> {
    return this.streams.events(agentOf(caller), body);
  }

  @Post('report')
  @Scopes('agent')
  @HttpCode(200)
  report(
    @Caller() caller: Principal,
    @Body({ schema: AgentReport }) body: AgentReport,
  ): Promise<AgentReportAnswer> {
    return this.reports.report(agentOf(caller), body);
  }

  @Post('tickets')
  @Scopes('agent')
  @HttpCode(200)
  tickets(
    @Caller() caller: Principal,
    @Body({ schema: TicketsRequest }) { artifacts }: TicketsRequest,
    @Req() request: Request,
  ): Promise<TicketsAnswer> {
    return this.ticketsOf.tickets(caller, artifacts, this.urls.of(request));
  }

  @Post('announce')
  @Scopes('agent')
  @HttpCode(200)
  async announce(
    @Caller() caller: Principal,
    @Body({ schema: AnnounceBatch }) batch: AnnounceBatch,
    @Req() request: Request,
  ): Promise<Record<string, never>> {
    await this.announces.announce(caller.id, batch, request.ip ?? '');
    return {};
  }

  @Post('frames')
  @Scopes('agent')
  @HttpCode(200)
  frames(
    @Caller() caller: Principal,
    @Body({ schema: FramesRequest }) { frames }: FramesRequest,
  ): Record<string, never> {
    this.swarms.agentFrames(agentOf(caller), frames);
    return {};
  }
}

/** @throws TOKEN_MISSING */
function joinTokenOf(request: Request): string {
  const token = bearerOf(request);
  if (token !== null) return token;
  throw new FleetseedError('TOKEN_MISSING', 'Joining needs a join token as bearer token.');
}
