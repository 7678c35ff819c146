import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { cruise, type ICruiseResult, type IFlattenedRuleSet } from 'dependency-cruiser';
import floors from '../.dependency-cruiser.mjs';
import { forbiddenCode } from './forbidden-code.ts';

const PLACES = ['src', 'connectors', 'migrations', 'bin'];

function filesIn(root: string, place: string): readonly string[] {
  return readdirSync(join(root, place), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|js)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
}

async function imports(root: string): Promise<ICruiseResult> {
  const { forbidden, options } = floors as { forbidden: NonNullable<IFlattenedRuleSet['forbidden']>; options: object };
  const places = PLACES.filter((place) => readdirSync(root).includes(place));
  const { output } = await cruise(places, { ...options, baseDir: root, validate: true, ruleSet: { forbidden } });
  if (typeof output === 'string') throw new Error('dependency-cruiser gave text instead of a result');
  return output;
}

/**
 * Checks imports between rooms, and the code only one room may contain, for the tree at `root` (absolute).
 * `read` lists the files that were really parsed: a tool that silently reads nothing finds nothing.
 */
export async function checkFloors(root: string): Promise<{ readonly read: readonly string[]; readonly problems: readonly string[] }> {
  const { modules, summary } = await imports(root);
  const read = modules.map((module) => module.source).filter((source) => PLACES.some((place) => source.startsWith(`${place}/`)));
  const known = new Set(read);
  const files = PLACES.filter((place) => readdirSync(root).includes(place)).flatMap((place) => filesIn(root, place));
  const unread = files.filter((file) => !known.has(file)).map((file) => `${file}: was not read`);
  const crossed = summary.violations.map(({ rule, from, to }) => `${from} → ${to}: ${rule.name}`);
  const code = files.flatMap((file) => forbiddenCode(file, readFileSync(join(root, file), 'utf8')).map((what) => `${file}: ${what}`));
  return { read, problems: [...unread, ...crossed, ...code] };
}
