import { describe, expect, it } from 'vitest';

import type { AgentEvent, DesiredApp } from '#lib/contracts';

import { AgentStreams, textOf } from './agent.streams.js';

const nothing: DesiredApp = {
  app: 'web',
  channel: 'stable',
  sequence: 0,
  release: null,
  activate: false,
};

const list = (apps: DesiredApp[]) => textOf({ type: 'desired', apps });

function sink() {
  const events: AgentEvent[] = [];
  return { events, send: (text: string) => void events.push(JSON.parse(text) as AgentEvent) };
}

describe('AgentStreams', () => {
  it('sends a list to each stream of the target once', () => {
    const streams = new AgentStreams();
    const [one, other] = [sink(), sink()];
    streams.open('t', one);
    streams.open('u', other);
    streams.desired('t', list([nothing]));
    streams.desired('t', list([{ ...nothing }]));
    const late = sink();
    streams.open('t', late);
    streams.desired('t', list([nothing]));
    expect(one.events).toEqual([{ type: 'desired', apps: [nothing] }]);
    expect(late.events).toEqual(one.events);
    expect(other.events).toEqual([]);
  });

  it('tells what to watch and what no longer, each once', () => {
    const streams = new AgentStreams();
    const { events, send } = sink();
    streams.open('t', { send });
    streams.watch('t', new Set(['a', 'b']));
    streams.watch('t', new Set(['b', 'c']));
    streams.watch('t', new Set(['b', 'c']));
    expect(
      events.map((event) => `${event.type} ${'artifact' in event ? event.artifact : ''}`),
    ).toEqual(['watch a', 'watch b', 'unwatch a', 'watch c']);
  });

  it('forgets streams that were closed', () => {
    const streams = new AgentStreams();
    const { events, send } = sink();
    const close = streams.open('t', { send });
    expect(streams.targets()).toEqual(['t']);
    close();
    streams.desired('t', list([]));
    expect(events).toEqual([]);
    expect(streams.targets()).toEqual([]);
  });
});
