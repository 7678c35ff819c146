import { describe, expect, it } from 'vitest';
import { documentName } from '../core/audit-names.ts';
import type { SourceId } from '../core/ids.ts';
import type { JsonObject } from '../core/json.ts';
import type { StoredAuditEvent } from '../core/ports/audit.ts';
import { ACME, CALLER, fakePolicy, label, source, view, zone } from '../retrieval/retrieval.fixture.ts';
import { fits, randomEvent, randomFilters, SOURCES, type KnownEvent } from '../../test/support/random-log.ts';
import { seededRandom } from '../../test/support/random.ts';
import { trials } from '../../test/support/scale.ts';
import { fakeEvidence, stored } from './evidence.fixture.ts';
import { auditRights } from './narrowing.ts';
import { readPage, type PageOptions } from './pages.ts';
import type { AuditFilters } from './question.ts';
import type { AuditReader } from './reader.ts';

// Zones 1, 2, 3 are public in their sources, 4, 5, 6 restricted. Of the third source nothing is this reader's.
const sourceOf = (id: number): SourceId => SOURCES[(id - 1) % 3] ?? SOURCES[0];
const ZONES = [1, 2, 3, 4, 5, 6].map((id) => zone(id, label(id <= 3 ? 'public' : 'restricted'), sourceOf(id)));
const VIEW = view(
  ZONES,
  SOURCES.map((id) => source({ id, label: label('public') })),
);
const mayAudit = (of: string, level: string): boolean => of !== SOURCES[2] && level === 'public';
const POLICY = {
  ...fakePolicy(),
  permits: (...[, , action, object]: Parameters<ReturnType<typeof fakePolicy>['permits']>) =>
    action === 'audit' && mayAudit(object.source, object.label.level)
      ? ({ kind: 'permit', rules: [] } as const)
      : ({ kind: 'refuse', reason: 'denied' } as const),
};
const stamp = { tenant: 1, global: 1, generation: 1 };
const SOME: AuditReader = { stamp, view: VIEW, caller: CALLER, sight: { over: 'some', rights: auditRights(POLICY, VIEW, CALLER) } };
const EVERYTHING: AuditReader = { stamp, view: VIEW, caller: CALLER, sight: { over: 'tenant' } };

const readable = (of: unknown, id: unknown): boolean => typeof id === 'number' && sourceOf(id) === of && id <= 3 && of !== SOURCES[2];

/** What of an event is this reader's, said again without the code that narrows. */
function seenOf(known: KnownEvent): KnownEvent | undefined {
  const { kind, body } = known.event;
  const chunks = (Array.isArray(body['chunks']) ? body['chunks'] : []) as readonly (JsonObject & {
    source: string;
    document: JsonObject;
  })[];
  if (kind === 'release') {
    const mine = chunks.filter((chunk) => readable(chunk.source, chunk['zone']));
    if (mine.length === 0) return undefined;
    const names = mine.map(({ document }) => (document['@document'] as readonly string[] | undefined) ?? ['', '']);
    return {
      ...known,
      documents: new Set(names.map(([a = '', b = '']) => documentName(a, b))),
      sources: new Set(mine.map((chunk) => chunk.source)),
    };
  }
  if (kind === 'document.changed' || kind === 'document.published') {
    return readable(body['source'], (body['label'] as JsonObject)['zone']) ? known : undefined;
  }
  return kind === 'source.put' && body['source'] !== SOURCES[2] ? known : undefined;
}

async function everyPage(
  reader: AuditReader,
  log: () => readonly StoredAuditEvent[],
  filters: AuditFilters,
  options: Partial<PageOptions> & { readonly random: () => number; readonly between?: () => void },
) {
  const evidence = fakeEvidence(log, () => options.random() < 0.05);
  const pages: { readonly indexes: readonly number[]; readonly more: boolean }[] = [];
  let place: PageOptions['place'];
  do {
    const page = await readPage(evidence, reader, filters, {
      place,
      limit: 7,
      window: 25,
      signal: AbortSignal.timeout(10_000),
      ...options,
      ...(place === undefined ? {} : { place }),
    });
    expect(page.events.length).toBeLessThanOrEqual(options.limit ?? 7);
    pages.push({ indexes: page.events.map(({ index }) => index), more: page.next !== undefined });
    place = page.next;
    options.between?.();
  } while (place !== undefined);
  return pages;
}

describe('readPage', () => {
  it('gives what every event by itself says, to whoever may audit everything or some of it, while the log grows', async () => {
    const random = seededRandom(185).next;
    let told = 0;
    for (let round = 0; round < trials(60, 600); round += 1) {
      const known = Array.from({ length: 120 }, () => randomEvent(ACME, random));
      const log = known.map(({ event }, index) => stored(event, index));
      const filters = randomFilters(random);
      const grow = (): void => {
        const next = randomEvent(ACME, random);
        known.push(next);
        log.push(stored(next.event, log.length));
      };
      for (const [reader, seen] of [
        [EVERYTHING, (one: KnownEvent) => one],
        [SOME, seenOf],
      ] as const) {
        const expected = known.flatMap((one, at) => {
          const mine = seen(one);
          return mine !== undefined && fits({ ...mine, people: own(mine) }, filters) ? [at] : [];
        });
        const pages = await everyPage(reader, () => log, filters, { random, limit: 1 + Math.floor(random() * 9), between: grow });
        expect(
          pages.flatMap(({ indexes }) => indexes),
          JSON.stringify(filters),
        ).toEqual(expected);
        told += expected.length;
      }
    }
    expect(told).toBeGreaterThan(500);
  });

  it('answers somebody who may not audit a document as if there were none: the same pages, as many of them', async () => {
    const random = seededRandom(186).next;
    const hidden = { source: SOURCES[0], document: 'secret' as never };
    const missing = { source: SOURCES[0], document: 'never' as never };
    const log = Array.from({ length: 130 }, (_, index) => {
      const chunks = [{ source: SOURCES[0], document: { '@document': [SOURCES[0], 'secret'] }, zone: 4 }];
      // A readable chunk beside it: the release itself is one that this reader sees.
      const beside = { source: SOURCES[0], document: { '@document': [SOURCES[0], 'open'] }, zone: 1 };
      const body = {
        user: { '@person': 'user:test|ada' },
        client: 'client:test|chat',
        chunks: index % 2 === 0 ? [...chunks, beside] : chunks,
      };
      return stored({ tenant: ACME, kind: 'release', requestId: 'r', body }, index);
    });
    const answers = async (document: typeof hidden) => everyPage(SOME, () => log, { document }, { random: () => 1 });
    expect(await answers(hidden)).toEqual(await answers(missing));
    expect(
      (await everyPage(SOME, () => log, { document: { ...hidden, document: 'open' as never } }, { random })).flatMap(
        ({ indexes }) => indexes,
      ),
    ).toHaveLength(65);
    // Of a source of which nothing is theirs, and one that does not exist.
    const nowhere = { indexes: [], more: false };
    expect(await everyPage(SOME, () => log, { source: SOURCES[2] }, { random })).toEqual([nowhere]);
    expect(await everyPage(SOME, () => log, { source: 'none' as SourceId }, { random })).toEqual([nowhere]);
    expect((await everyPage(EVERYTHING, () => log, { document: hidden }, { random })).flatMap(({ indexes }) => indexes)).toHaveLength(130);
  });
});

/** Who stands in a field of their own. */
function own({ event }: KnownEvent): ReadonlySet<string> {
  const { user, by, target } = event.body as { readonly user?: JsonObject; readonly by?: JsonObject; readonly target?: JsonObject };
  return new Set([user, by, target].flatMap((name) => (name === undefined ? [] : [name['@person'] as string])));
}
