import { describe, expect, it } from 'vitest';

import { FleetseedError, type SwarmTicket } from '#lib/contracts';
import { VirtualClock } from '#lib/runtime';

import { TicketDesk } from './ticket-desk.js';

const ticketOf = (artifact: string): SwarmTicket => ({
  artifact,
  announce: [],
  swarmSecret: '',
  origins: [],
  webSeed: null,
});

describe('TicketDesk', () => {
  it('asks once for all that is wished for in a moment', async () => {
    const asked: string[][] = [];
    const clock = new VirtualClock();
    const desk = new TicketDesk(async (artifacts) => {
      asked.push([...artifacts]);
      return artifacts.filter((each) => each !== 'gone').map(ticketOf);
    }, clock);
    const wishes = ['a', 'b', 'a', 'gone'].map((each) => desk.ticketFor(each));
    const settled = Promise.allSettled(wishes);
    clock.advance(100);
    const results = await settled;
    expect(asked).toEqual([['a', 'b', 'gone']]);
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
    ]);
  });

  it('tells everybody when the origin cannot be reached, and asks anew the next time', async () => {
    const clock = new VirtualClock();
    let down = true;
    const desk = new TicketDesk(async (artifacts) => {
      if (down) throw new FleetseedError('ORIGIN_UNREACHABLE', 'down');
      return artifacts.map(ticketOf);
    }, clock);
    const first = desk.ticketFor('a');
    clock.advance(100);
    await expect(first).rejects.toMatchObject({ code: 'ORIGIN_UNREACHABLE' });
    down = false;
    const second = desk.ticketFor('a');
    clock.advance(100);
    await expect(second).resolves.toEqual(ticketOf('a'));
  });
});
