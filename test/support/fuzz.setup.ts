import fc from 'fast-check';

/*
 * How many inputs each property is tried with that does not say so itself: those of the fuzz specs. A run that
 * fails names its seed and path, with which `fc.assert` repeats it.
 */
const runs = Number(process.env['FLEETSEED_FUZZ_RUNS'] ?? 0);
if (runs > 0) fc.configureGlobal({ numRuns: runs });
