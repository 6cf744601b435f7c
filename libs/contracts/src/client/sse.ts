/** Longest event that is accepted, in characters: an endless line must not fill the memory. */
const MAX_EVENT_LENGTH = 16 * 1024 * 1024;

/**
 * Reads `text/event-stream` (WHATWG HTML, server-sent events) and yields each event's data.
 * Comments, ids and event names are skipped: our streams say what they are in the data.
 */
export async function* eventsOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let unfinished: string[] = [];
  let data: string[] = [];
  let length = 0;
  for await (const chunk of body) {
    const text = decoder.decode(chunk, { stream: true });
    length += text.length;
    if (length > MAX_EVENT_LENGTH) throw new RangeError('An event is too long.');
    unfinished.push(text);
    // A long line comes in many chunks: it is put together once, at its end.
    if (!/[\n\r]/.test(text)) continue;
    const lines = unfinished.join('').split(/\r\n|\n|\r/);
    unfinished = [lines.pop() ?? ''];
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield data.join('\n');
        data = [];
        length = 0;
      } else if (line.startsWith('data:')) {
        data.push(line.slice(line.startsWith('data: ') ? 6 : 5));
      }
    }
  }
}
