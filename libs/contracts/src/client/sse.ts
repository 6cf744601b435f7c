/** Longest event that is accepted, in characters: an endless line must not fill the memory. */
const MAX_EVENT_LENGTH = 16 * 1024 * 1024;

/**
 * Reads `text/event-stream` (WHATWG HTML, server-sent events) and yields each event's data.
 * Comments, ids and event names are skipped: our streams say what they are in the data.
 */
export async function* eventsOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pending = '';
  let data: string[] = [];
  for await (const chunk of body) {
    pending += decoder.decode(chunk, { stream: true });
    const lines = pending.split(/\r\n|\n|\r/);
    pending = lines.pop() ?? '';
    if (pending.length > MAX_EVENT_LENGTH) throw new RangeError('An event is too long.');
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield data.join('\n');
        data = [];
      } else if (line.startsWith('data:')) {
        data.push(line.slice(line.startsWith('data: ') ? 6 : 5));
      }
    }
  }
}
