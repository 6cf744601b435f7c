import { FleetseedError } from './errors/fleetseed.error.js';
import { AppName, ChannelName, VersionName } from './names.js';

/** `app@version`, as people write it on command lines. */
export interface ReleaseReference {
  readonly app: string;
  readonly version: string;
}

/** `app@channel`. */
export interface ChannelReference {
  readonly app: string;
  readonly channel: string;
}

export function parseReleaseReference(text: string): ReleaseReference {
  const [app, version] = splitAt(text, 'APP@VERSION');
  return { app: check(AppName, app), version: check(VersionName, version) };
}

export function parseChannelReference(text: string): ChannelReference {
  const [app, channel] = splitAt(text, 'APP@CHANNEL');
  return { app: check(AppName, app), channel: check(ChannelName, channel) };
}

function splitAt(text: string, form: string): [string, string] {
  const at = text.indexOf('@');
  if (at <= 0 || at === text.length - 1) {
    throw new FleetseedError('USAGE', `"${text}" is not of the form ${form}.`, { given: text });
  }
  return [text.slice(0, at), text.slice(at + 1)];
}

function check(schema: typeof AppName, text: string): string {
  const parsed = schema.safeParse(text);
  if (parsed.success) return parsed.data;
  const reason = parsed.error.issues[0]?.message ?? 'not valid';
  throw new FleetseedError('USAGE', `"${text}" cannot be used: ${reason}.`, { given: text });
}
