import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { expect, it } from 'vitest';

const START = new URL('./frugal-start.ts', import.meta.url).href;

/** A process of its own: the flags are the process's. V8 tells on stdout which function it is going to optimise. */
const PROGRAM = `
  const { startFrugally } = await import(${JSON.stringify(START)});
  function busy(count) {
    let sum = 0;
    for (let at = 0; at < count; at++) sum = (sum * 31 + at) | 0;
    return sum;
  }
  const work = () => {
    for (let turn = 0; turn < 500; turn++) busy(10_000);
  };
  startFrugally(50);
  work();
  console.log('started');
  await new Promise((resolve) => setTimeout(resolve, 200));
  work();
`;

it('code is optimised when the start is over, and not before', async () => {
  const flags = ['--trace-opt', '--input-type=module', '-e', PROGRAM];
  const { stdout } = await promisify(execFile)(process.execPath, flags);
  const [during, after] = stdout.split('started\n');
  const optimised = /marking .*\bbusy\b.* for optimization to TURBOFAN/;
  expect(during).not.toContain('busy');
  expect(after).toMatch(optimised);
});
