import fc from 'fast-check';

/** Changes a few places of some bytes: what a hostile or broken peer makes of a good message. */
export const damage: fc.Arbitrary<(bytes: Buffer) => Buffer> = fc
  .array(
    fc.record({
      at: fc.nat(),
      cut: fc.oneof({ weight: 4, arbitrary: fc.nat(4) }, { weight: 1, arbitrary: fc.nat(200) }),
      put: fc.oneof(
        fc.uint8Array({ maxLength: 4 }),
        fc.constantFrom([0xff, 0xff, 0xff, 0xff], [0x7f, 0xff, 0xff, 0xff], [0, 0, 0, 0]),
      ),
      again: fc.boolean(),
    }),
    { maxLength: 5 },
  )
  .map((edits) => (bytes) => {
    let damaged = bytes;
    for (const { at, cut, put, again } of edits) {
      const from = at % (damaged.length + 1);
      const tail = again ? damaged : damaged.subarray(Math.min(damaged.length, from + cut));
      damaged = Buffer.concat([damaged.subarray(0, from), Uint8Array.from(put), tail]);
    }
    return damaged;
  });
