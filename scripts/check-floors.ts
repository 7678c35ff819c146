import { join } from 'node:path';
import { checkFloors } from './floors.ts';

// Far below what there is: it only has to tell a tree that was read from one that was not.
const FEWEST_MODULES = 20;

const { read, problems } = await checkFloors(join(import.meta.dirname, '..'));
for (const problem of problems) console.error(problem);
if (read.length < FEWEST_MODULES) console.error(`only ${read.length} modules were read, which cannot be all`);
console.log(`${read.length} modules, ${problems.length} problems`);
process.exitCode = problems.length === 0 && read.length >= FEWEST_MODULES ? 0 : 1;
