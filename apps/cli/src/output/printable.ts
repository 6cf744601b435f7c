/** At most `width` characters (code points) of a text. */
export function clipped(text: string, width: number): string {
  return Array.from(text).slice(0, Math.max(0, width)).join('');
}

/**
 * Text that came from outside, made safe for a terminal: control characters (escape sequences,
 * line breaks, bidirectional overrides) are shown as `\x1b` or `\u202e` and not obeyed.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    const code = character.codePointAt(0)!;
    return code < 256
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}
