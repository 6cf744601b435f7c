import fc from 'fast-check';
import { expect, it } from 'vitest';

import { seededRandom } from '#lib/runtime';

import { Bitfield } from '../bitfield.js';
import { CopyBudget } from './copy.budget.js';
import { layoutOf } from './policy.fixture.js';
import { RunHoldings } from './run.holdings.js';

const RUNS = 40;
const PIECE = 1024;
const layout = layoutOf([RUNS * PIECE], PIECE);
const run$ = fc.integer({ min: 0, max: RUNS - 1 });
const step$ = fc.record({
  what: fc.constantFrom('gained', 'lost', 'declined', 'sent', 'deal', 'wait'),
  run: run$,
});

it('a member lacks, one after the other and ours first, all that an offer of would be of use to it', () => {
  fc.assert(
    fc.property(fc.array(step$, { maxLength: 60 }), run$, (steps, start) => {
      const budget = new CopyBudget(layout, { random: seededRandom(1) });
      const have = new Bitfield(RUNS);
      const member = budget.join(new RunHoldings(layout, have, null), 0);
      let now = 0;
      for (const { what, run } of steps) {
        now++;
        if (what === 'deal') budget.deal(0, now);
        else if (what === 'wait') budget.expire((now += 10_000));
        else if (what === 'declined') budget.declined(member, run, now);
        else if (what === 'sent') budget.sent(member, run, PIECE, now);
        else if (what === 'lost' && have.get(run)) {
          have.clear(run);
          budget.lost(member, run);
        } else if (what === 'gained' && !have.get(run)) {
          have.set(run);
          budget.gained(member, run, now);
        }
      }
      const isOurs = (run: number) => run % 3 === 0;
      const round = Array.from({ length: RUNS }, (_, step) => (start + step) % RUNS);
      const lacked = round.filter((run) => member.lacks(run));
      expect([...member.lacked(RUNS, start, isOurs)]).toEqual([
        ...lacked.filter((run) => isOurs(run)),
        ...lacked.filter((run) => !isOurs(run)),
      ]);
    }),
  );
});
