import { z } from 'zod';
import { numberText } from '../../../core/points/lossless.ts';
import type { LosslessJson } from '../../../core/points/raw-json.ts';
import type { CollectionProfile } from '../../../core/ports/collections.ts';
import { expectShape, type ApiClient } from '../api-client.ts';
import { CommandFailure } from '../failure.ts';
import type { ForeignQdrant } from './foreign-qdrant.ts';
import type { AdoptionMap } from './map-file.ts';
import { mapPoint, type PointAccess } from './map-point.ts';

/** Points that cannot be adopted for one reason, with a few of their ids. */
export interface Problem {
  readonly what: string;
  readonly detail?: string;
  points: number;
  readonly ids: string[];
}

export interface Survey {
  readonly points: number;
  /** Of those nothing keeps. */
  readonly bySource: ReadonlyMap<string, number>;
  readonly problems: readonly Problem[];
  /** Whether a point with this access may be written. */
  taken(access: PointAccess): boolean;
}

const PAGE = 1_000;
const SHOWN_IDS = 5;
const MOST_ACCESSES = 20_000;
const A_CHECK = 256;

interface Group {
  readonly access: PointAccess;
  points: number;
  readonly ids: string[];
}

const checked = z.object({
  problems: z.array(
    z.object({ place: z.int(), code: z.string(), errors: z.array(z.object({ pointer: z.string(), message: z.string() })) }),
  ),
});

/** Reads every payload once, and asks the service about each combination of source, ACL and label that occurs. Writes nothing. */
export async function survey(
  parts: { readonly foreign: ForeignQdrant; readonly client: ApiClient; readonly progress: (points: number) => void },
  map: AdoptionMap,
  profile: CollectionProfile,
): Promise<Survey> {
  const problems = new Map<string, Problem>();
  const groups = new Map<string, Group>();
  let points = 0;
  for await (const page of parts.foreign.pages(PAGE, false)) {
    for (const { id, payload } of page) {
      const mapped = mapPoint(map, profile, payload);
      if (mapped.kind === 'missing') {
        for (const { what, value } of mapped.missing) note(problems, { what, detail: value }, 1, [idText(id)]);
        continue;
      }
      const name = JSON.stringify(mapped.access);
      const group = groups.get(name) ?? { access: mapped.access, points: 0, ids: [] };
      groups.set(name, group);
      group.points += 1;
      if (group.ids.length < SHOWN_IDS) group.ids.push(idText(id));
      if (groups.size > MOST_ACCESSES) throw tooMany();
    }
    points += page.length;
    parts.progress(page.length);
  }
  const refused = await refusedBy(parts.client, [...groups.values()], problems);
  const bySource = new Map<string, number>();
  for (const [name, { access, points: some }] of groups) {
    if (!refused.has(name)) bySource.set(access.source, (bySource.get(access.source) ?? 0) + some);
  }
  return {
    points,
    bySource,
    problems: [...problems.values()].sort((a, b) => b.points - a.points || (a.what < b.what ? -1 : 1)),
    taken: (access) => groups.has(JSON.stringify(access)) && !refused.has(JSON.stringify(access)),
  };
}

/** Names of accesses that the service would refuse. */
async function refusedBy(client: ApiClient, groups: readonly Group[], problems: Map<string, Problem>): Promise<ReadonlySet<string>> {
  const refused = new Set<string>();
  for (let start = 0; start < groups.length; start += A_CHECK) {
    const some = groups.slice(start, start + A_CHECK);
    const body = { access: some.map(({ access }) => access) };
    const answer = expectShape(checked, await client.call('POST', '/v1/collections-access-check', body));
    for (const { place, code, errors } of answer.problems) {
      const group = some[place];
      if (group === undefined) continue;
      refused.add(JSON.stringify(group.access));
      const where = errors.map(({ pointer, message }) => `${pointer}: ${message}`).join('; ');
      const detail = [detailOf(code, group.access), where].filter((part) => part !== '').join(': ');
      note(problems, { what: code, detail }, group.points, group.ids);
    }
  }
  return refused;
}

/** What of the access it is about, where it is one thing. */
function detailOf(code: string, { source, level }: PointAccess): string {
  if (code === 'unknown_level') return level ?? '';
  return code === 'forbidden' || code === 'not_found' || code === 'trust_too_low' ? source : '';
}

function note(
  problems: Map<string, Problem>,
  { what, detail }: { readonly what: string; readonly detail: string | undefined },
  points: number,
  ids: readonly string[],
): void {
  const name = JSON.stringify([what, detail]);
  const known = problems.get(name) ?? { what, ...(detail === undefined || detail === '' ? {} : { detail }), points: 0, ids: [] };
  problems.set(name, known);
  known.points += points;
  known.ids.push(...ids.slice(0, SHOWN_IDS - known.ids.length));
}

export function idText(id: LosslessJson): string {
  return typeof id === 'string' ? id : (numberText(id) ?? '?');
}

function tooMany(): CommandFailure {
  const message = `more than ${MOST_ACCESSES} different combinations of source, ACL and label; map them to groups first`;
  return new CommandFailure(message, { code: 'too_many' });
}
