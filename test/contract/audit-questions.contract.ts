import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAudit, type Audit } from '../../src/audit/audit.ts';
import { indexBatch } from '../../src/audit/index/index-step.ts';
import { openLogAndIndex, type LogAndIndex } from '../../src/audit/index/open-index.ts';
import { canonicalJson, leafHash } from '../../src/audit/leaf.ts';
import { ask, type AskLimits } from '../../src/audit/questions/ask.ts';
import { storedNames } from '../../src/audit/questions/stored-names.ts';
import type { TenantId } from '../../src/core/ids.ts';
import type { AuditQuestion } from '../../src/core/ports/evidence.ts';
import { documentName } from '../../src/core/audit-names.ts';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import { openDatabase, type DatabaseConfig } from '../../src/database/open-database.ts';
import { migrate } from '../../src/database/migrate.ts';
import type { Database } from '../../src/database/database.ts';
import { subLogsFor, type AuditFilters } from '../../src/evidence/question.ts';
import { DOCUMENTS, fits, PEOPLE, randomEvent, randomFilters, SOURCES, type KnownEvent } from '../support/random-log.ts';
import { seededRandom } from '../support/random.ts';
import { trials } from '../support/scale.ts';
import { PATIENT } from '../support/audit-events.ts';

const ACME = 'acme' as TenantId;
const OTHER = 'other' as TenantId;
const TERM = 1;

/** What questions answer, whatever the database: the same as looking at every event. */
export function auditQuestionsContract(name: string, fresh: () => Promise<DatabaseConfig>): void {
  describe(`questions on ${name}`, () => {
    let database: Database;
    let databases: LogAndIndex;
    let audit: Audit;
    let known: KnownEvent[];

    beforeEach(async () => {
      const config = await fresh();
      database = await openDatabase(config);
      await migrate(database);
      databases = await openLogAndIndex(config);
      audit = createAudit({ database, telemetry: silentTelemetry, limits: PATIENT });
      known = [];
    });
    afterEach(async () => {
      await databases.close();
      await database.close();
    });

    async function append(random: () => number, count: number): Promise<void> {
      const made = Array.from({ length: count }, () => randomEvent(ACME, random));
      const receipts = await Promise.all(made.map(({ event }) => audit.append(event)));
      // Group commit does not keep the order of the calls.
      for (const [at, one] of made.entries()) known[receipts[at]?.index ?? -1] = one;
    }

    /** As a service of before wrote them. */
    async function appendPlain(random: () => number, count: number): Promise<void> {
      const made = Array.from({ length: count }, () => randomEvent(ACME, random, true));
      await database.transaction(async (tx) => {
        for (const [at, { event }] of made.entries()) {
          const row = {
            tenant: ACME,
            idx: known.length + at,
            at: 1_700_000_000_000 + known.length + at,
            kind: event.kind,
            request_id: event.requestId,
            body: canonicalJson(event.body),
            salt: '00'.repeat(16),
            v: 1,
          };
          await tx
            .insertInto('audit_events')
            .values({ ...row, leaf: leafHash(row) })
            .execute();
        }
        const size = known.length + made.length;
        const head = { tenant: ACME, size, head: '0'.repeat(64), at: 1_700_000_000_000 + size, erasures: 0 };
        await tx.insertInto('audit_heads').values(head).execute();
      });
      known.push(...made);
    }

    async function index(upTo: number): Promise<void> {
      while ((await indexBatch(databases, TERM, ACME, upTo)) < upTo) continue;
    }

    interface Reading {
      readonly limit: number;
      readonly limits?: Partial<AskLimits>;
      readonly between?: () => Promise<void>;
    }

    /** Every page of an answer, as the log was when the first one was read. */
    async function all(
      filters: AuditFilters,
      { limit, limits, between }: Reading,
      more: Partial<AuditQuestion> = {},
    ): Promise<readonly number[]> {
      const question: AuditQuestion = {
        tenant: ACME,
        in: subLogsFor(filters),
        ...(filters.kinds === undefined ? {} : { kinds: filters.kinds }),
        ...(filters.from === undefined ? {} : { from: filters.from }),
        ...(filters.to === undefined ? {} : { to: filters.to }),
        limit,
        ...more,
      };
      const found: number[] = [];
      let [before, after]: [number | undefined, number | undefined] = [more.before, more.after];
      for (;;) {
        const place = { ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
        const page = await ask(
          { ...databases, ...(limits === undefined ? {} : { limits }) },
          { ...question, ...place },
          AbortSignal.timeout(30_000),
        );
        expect(page.events.length).toBeLessThanOrEqual(limit);
        found.push(...page.events.map((event) => event.index));
        before ??= page.size;
        if (page.next === undefined) return found;
        // Or it would never end.
        expect(page.next).toBeGreaterThan(after ?? -1);
        after = page.next;
        await between?.();
      }
    }

    const naive = (filters: AuditFilters, size = known.length): readonly number[] =>
      known.slice(0, size).flatMap((event, at) => (fits(event, filters) ? [at] : []));

    it('is what every event by itself says, page by page, while the log grows and is indexed', async () => {
      const random = seededRandom(85).next;
      let checked = 0;
      for (let round = 0; round < trials(2, 12); round += 1) {
        if (round === 0) await appendPlain(random, 40);
        await append(random, 150);
        await index(Math.floor(random() * known.length));
        for (let asked = 0; asked < 25; asked += 1) {
          const filters = randomFilters(random);
          const size = known.length;
          const limits = random() < 0.5 ? { blocks: 1 + Math.floor(random() * 4), events: 1 + Math.floor(random() * 40) } : {};
          const between = async (): Promise<void> => {
            if (random() < 0.1) await append(random, 1);
            if (random() < 0.1) await index(known.length);
          };
          const found = await all(filters, { limit: 1 + Math.floor(random() * 60), limits, between });
          expect(found, JSON.stringify(filters)).toEqual(naive(filters, size));
          if (found.length > 0 && found.length < size) checked += 1;
        }
      }
      expect(checked).toBeGreaterThan(20);
    }, 300_000);

    it('finds its way through long lists by blocks', async () => {
      const random = seededRandom(86).next;
      await append(random, 1_200);
      await append(random, 1_200);
      await index(known.length);
      for (const filters of [
        { subject: PEOPLE[0] },
        { document: { source: SOURCES[0], document: DOCUMENTS[0] } },
        { document: { source: SOURCES[1], document: DOCUMENTS[2] }, subject: PEOPLE[1], kinds: ['release'] },
        { kinds: ['release', 'audit.read'] },
      ] as const satisfies readonly AuditFilters[]) {
        const found = await all(filters, { limit: 100 });
        expect(found).toEqual(naive(filters));
        expect(found.length).toBeGreaterThan(0);
        // From somewhere in the middle, as a page does.
        const middle = found[Math.floor(found.length / 2)] ?? 0;
        expect(await all(filters, { limit: 7 }, { after: middle })).toEqual(found.filter((at) => at > middle));
        expect(await all(filters, { limit: 7 }, { before: middle })).toEqual(found.filter((at) => at < middle));
      }
    });

    it('goes by time', async () => {
      const random = seededRandom(87).next;
      await append(random, 30);
      await new Promise((resolve) => setTimeout(resolve, 20));
      await append(random, 30);
      const page = await ask(databases, { tenant: ACME, in: 'whole-log', limit: 100 }, AbortSignal.timeout(30_000));
      const times = page.events.map(({ at }) => Date.parse(at));
      const [from, to] = [times[20] ?? 0, times[45] ?? 0];
      expect(from).toBeLessThan(to);
      const expected = times.flatMap((time, at) => (time >= from && time < to ? [at] : []));
      expect(await all({ from, to }, { limit: 9 })).toEqual(expected);
      expect(await all({ from: to + 60_000 }, { limit: 9 })).toEqual([]);
      expect(await all({ to: (times[0] ?? 0) - 1 }, { limit: 9 })).toEqual([]);
    });

    it('knows nothing of what is not there, nor of another tenant', async () => {
      const random = seededRandom(88).next;
      await append(random, 40);
      const foreign = randomEvent(OTHER, random);
      await audit.append(foreign.event);
      await index(known.length);
      const question: AuditQuestion = { tenant: OTHER, in: 'whole-log', limit: 10 };
      expect((await ask(databases, question, AbortSignal.timeout(30_000))).events).toHaveLength(1);
      const nobody = { tenant: ACME, in: [[{ about: 'caller', what: 'asked', name: 'user:test|nobody' }]], limit: 10 } as const;
      expect(await ask(databases, nobody, AbortSignal.timeout(30_000))).toEqual({ events: [], size: 40 });
      const none: AuditQuestion = { tenant: 'never' as TenantId, in: 'whole-log', limit: 10 };
      expect(await ask(databases, none, AbortSignal.timeout(30_000))).toEqual({ events: [], size: 0 });
    });

    it('tells under which names a thing stands in the log, with what proves it', async () => {
      const random = seededRandom(89).next;
      await append(random, 40);
      const log = { about: 'document', what: 'released', name: documentName(SOURCES[0], DOCUMENTS[0]) } as const;
      const names = await storedNames(databases.log, ACME, log);
      expect(names).toHaveLength(2);
      expect(names[0]).toEqual({ log });
      expect(names[1]?.log.name).not.toBe(log.name);
      expect(names[1]?.pseudonym).toMatchObject({ kind: 'document', name: log.name });
      expect(await storedNames(databases.log, ACME, { about: 'source', what: 'changed', name: 's1' })).toHaveLength(1);
      expect(await storedNames(databases.log, OTHER, log)).toEqual([{ log }]);
    });

    it('stops when nobody waits any more', async () => {
      await append(seededRandom(90).next, 20);
      await expect(ask(databases, { tenant: ACME, in: 'whole-log', limit: 10 }, AbortSignal.abort(new Error('gone')))).rejects.toThrow(
        'gone',
      );
    });
  });
}
