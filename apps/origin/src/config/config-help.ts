import { flagOf, variableOf } from './config-parser.js';
import { OriginConfigSchema, SWITCH_KEYS } from './origin-config.schema.js';

/** What `--help` prints: every flag with its variable, its sentence and its default. */
export function configHelp(): string {
  const lines = Object.entries(OriginConfigSchema.shape).flatMap(([key, schema]) => {
    const value = SWITCH_KEYS.some((each) => each === key) ? '' : ' VALUE';
    const parsed = schema.safeParse(undefined);
    const fallback = parsed.success && parsed.data !== undefined ? ` [${String(parsed.data)}]` : '';
    return [
      `  --${flagOf(key)}${value}`,
      `      ${schema.description ?? ''}${fallback} (${variableOf(key)})`,
    ];
  });
  return ['Usage: fleetseed origin [flags]', '', ...lines, ''].join('\n');
}
