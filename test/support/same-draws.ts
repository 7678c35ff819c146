import { configureGlobal } from 'fast-check';
import { LONG } from './scale.ts';

// The same draws in every run, so that one that fails is the fault of a change and comes again on every machine. `npm run verify:long`
// draws anew, and so does whoever names another seed; fast-check prints the seed of what failed.
const named = process.env['SLUICE_TEST_SEED'];
if (!LONG) configureGlobal({ seed: named === undefined ? 29 : Number(named) });
