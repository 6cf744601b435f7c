import type { Command } from 'commander';

import { CreatedToken, CreateJoinToken, CreateToken, TokenSummary } from '#lib/contracts';
import { writeFileDurably } from '#lib/runtime';

import { action } from '../action.js';
import { route } from '../connection/route.js';
import type { Invocation } from '../invocation.js';
import { timeText } from '../output/quantities.js';
import { table } from '../output/table.js';
import { checkArgument, parseCount, parseSeconds } from './arguments.js';

interface CreateOptions {
  readonly scope: readonly string[];
  readonly expiresIn?: string;
  readonly out?: string;
}

interface JoinOptions {
  readonly uses?: string;
  readonly expiresIn?: string;
  readonly out?: string;
}

export function define(command: Command): void {
  command
    .command('create')
    .description('a token for people or CI; its secret is shown once')
    .argument('<name>', 'what it is for')
    .requiredOption(
      '--scope <scope>',
      'admin, fleet:read or app:<name|*>:<read|push|release>; may be given again',
      collect,
    )
    .option('--expires-in <time>', '90s, 15m, 12h or 30d (default: never)')
    .option('--out <file>', 'write the secret into this file (mode 600) instead of showing it')
    .action(action<CreateOptions>(create));
  command
    .command('join')
    .description('a token with which machines join the fleet')
    .argument('<name>', 'what it is for')
    .option('--uses <n>', 'machines that may use it (default: any number)')
    .option('--expires-in <time>', '90s, 15m, 12h or 30d (default: never)')
    .option('--out <file>', 'write the secret into this file (mode 600) instead of showing it')
    .action(action<JoinOptions>(join));
  command.command('list').description('all tokens, without their secrets').action(action(list));
  command
    .command('revoke')
    .description('end a token at once')
    .argument('<token>', 'its id, as list shows it')
    .action(action(revoke));
}

async function create(call: Invocation<CreateOptions>, name: string): Promise<void> {
  const { scope: scopes, expiresIn } = call.options;
  const wanted = checkArgument(CreateToken, { name, scopes, ...expiry(expiresIn) }, 'the token');
  await show(call, await call.origin().send('POST', '/tokens', wanted, CreatedToken));
}

async function join(call: Invocation<JoinOptions>, name: string): Promise<void> {
  const { uses, expiresIn } = call.options;
  const limit = uses === undefined ? {} : { uses: parseCount(uses, '--uses', 1, 1_000_000) };
  const wanted = checkArgument(
    CreateJoinToken,
    { name, ...limit, ...expiry(expiresIn) },
    'the token',
  );
  await show(call, await call.origin().send('POST', '/join-tokens', wanted, CreatedToken));
}

/** The secret is the only thing on stdout, so that it can be piped to where it is kept. */
async function show(call: Invocation<{ out?: string }>, created: CreatedToken): Promise<void> {
  const { out } = call.options;
  const about = `token ${created.token} (${created.name}), ${expiryText(created)}`;
  if (out === undefined) {
    if (!call.output.json) call.output.note(about);
    call.output.result(created, () => created.secret);
    return;
  }
  await writeFileDurably(out, `${created.secret}\n`, 0o600);
  const { secret: _, ...summary } = created;
  call.output.result({ ...summary, out }, () => `${about}: its secret is in ${out}`);
}

async function list(call: Invocation): Promise<void> {
  const items = await call.origin().list('/tokens', TokenSummary);
  call.output.result({ items }, () =>
    table(
      ['token', 'kind', 'name', 'scopes', 'created', 'expires', 'uses left'],
      items.map((token) => [
        token.token,
        token.kind,
        token.name,
        token.scopes.join(' '),
        timeText(token.createdAt),
        token.expiresAt === null ? 'never' : timeText(token.expiresAt),
        token.usesLeft === null ? '-' : String(token.usesLeft),
      ]),
    ),
  );
}

async function revoke(call: Invocation, token: string): Promise<void> {
  await call.origin().remove(route`/tokens/${token}`);
  call.output.result({ token, revoked: true }, () => `revoked ${token}`);
}

function expiry(text: string | undefined): { expiresInSeconds?: number } {
  return text === undefined ? {} : { expiresInSeconds: parseSeconds(text, '--expires-in') };
}

function expiryText({ expiresAt }: TokenSummary): string {
  return expiresAt === null ? 'never expires' : `expires ${timeText(expiresAt)}`;
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}
