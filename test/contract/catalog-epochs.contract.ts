import { describe, expect, it } from 'vitest';
import type { Catalog } from '../../src/catalog/catalog.ts';
import type { Acl } from '../../src/core/acl.ts';
import type { SourceId, ZoneId } from '../../src/core/ids.ts';
import type { DocumentAttributes, SourceAttributes, StoredDocument } from '../../src/core/ports/catalog.ts';
import type { Principal } from '../../src/core/principal.ts';
import {
  ACME,
  ANNA,
  attributesOf,
  CHANGE,
  HANDBOOK,
  HR,
  label,
  OPS,
  policy,
  sourceAttributes,
  type CatalogWorld,
} from '../support/catalog-fixture.ts';
import type { GetWorld } from './catalog.contract.ts';

type Counters = readonly [tenant: number, global: number, generation: number];
interface Case {
  readonly name: string;
  readonly moves: Counters;
  /** Undefined where it writes no event. */
  readonly events?: readonly string[];
  run(world: CatalogWorld, document: StoredDocument): Promise<unknown>;
}

const BASE = attributesOf({
  declared: label('internal', ['people']),
  acl: { gates: [[HR, OPS]], deny: ['user:idp|eve' as Principal] },
  validFrom: 1_000,
  validUntil: 4_000_000_000,
});

function changing(name: string, epoch: 0 | 1, attributes: Partial<DocumentAttributes>): Case {
  const run = ({ catalog }: CatalogWorld, { key }: StoredDocument) => catalog.change(key, ACME, 1, { ...BASE, ...attributes }, CHANGE);
  return { name, moves: [epoch, 0, 0], events: ['document.changed'], run };
}

function putting(name: string, epoch: 0 | 1, attributes: Partial<SourceAttributes>): Case {
  const run = ({ catalog }: CatalogWorld, { source }: StoredDocument) =>
    catalog.putSource(ACME, source, sourceAttributes(attributes), 1, CHANGE);
  return { name, moves: [epoch, 0, 1], events: ['source.put'], run };
}

function throwing(name: string, moves: Counters, what: (document: StoredDocument) => Parameters<Catalog['throwSwitch']>[1]): Case {
  const run = ({ catalog }: CatalogWorld, document: StoredDocument) => catalog.throwSwitch(ACME, what(document), 'a reason', CHANGE);
  return { name: `switch on ${name}`, moves, events: ['switch.thrown'], run };
}

const acl = (gates: Acl['gates'], deny: readonly string[] = ['user:idp|eve']): Acl => ({ gates, deny: deny as readonly Principal[] });

const CASES: readonly Case[] = [
  changing('nothing but the title', 0, { title: 'x' }),
  changing('a grant', 0, { acl: acl([[HR, OPS, ANNA]]) }),
  changing('a deny lifted', 0, { acl: acl([[HR, OPS]], []) }),
  changing('a grant removed', 1, { acl: acl([[HR]]) }),
  changing('a grant exchanged', 1, { acl: acl([[HR, ANNA]]) }),
  changing('a gate added', 1, { acl: acl([[HR, OPS], [ANNA]]) }),
  changing('all gates removed', 1, { acl: acl([]) }),
  changing('a deny added', 1, { acl: acl([[HR, OPS]], ['user:idp|eve', 'user:idp|bob']) }),
  changing('a higher level', 1, { declared: label('confidential', ['people']) }),
  changing('a compartment added', 1, { declared: label('internal', ['legal', 'people']) }),
  changing('less trust', 1, { declared: label('internal', ['people'], 'external') }),
  changing('a lower level', 0, { declared: label('public', ['people']) }),
  changing('a compartment removed', 0, { declared: label('internal') }),
  changing('more trust', 0, { declared: label('internal', ['people'], 'trusted') }),
  changing('lower level, other compartment', 1, { declared: label('public', ['legal']) }),
  changing('a later start', 1, { validFrom: 1_001 }),
  changing('an earlier end', 1, { validUntil: 3_999_999_999 }),
  changing('a longer validity', 0, { validFrom: 'always', validUntil: 'forever' }),
  changing('quarantine', 1, { state: 'quarantined' }),
  changing('other metadata', 0, { metadata: { a: 1 } }),
  putting('a source title', 0, { title: 'x' }),
  putting('a source raised', 1, { label: label('restricted') }),
  putting('a source lowered', 1, { label: label('public') }),
  putting('a source trusted more', 1, { label: label('internal', [], 'trusted') }),
  putting('a ceiling', 1, { ceiling: { kind: 'gate', principals: [HR] } }),
  throwing('a document', [1, 0, 0], ({ key }) => ({ kind: 'document', id: key })),
  throwing('a source', [1, 0, 1], ({ source }) => ({ kind: 'source', id: source })),
  throwing('a user', [1, 0, 1], () => ({ kind: 'user', id: 'user:idp|bert' as Principal })),
  throwing('a client', [1, 0, 1], () => ({ kind: 'client', id: 'client:idp|app' as Principal })),
  throwing('a tenant', [1, 0, 1], () => ({ kind: 'tenant' })),
  throwing('everything', [0, 1, 1], () => ({ kind: 'all' })),
  {
    name: 'a logout',
    moves: [0, 1, 0],
    events: ['login.ended'],
    run: ({ catalog }) => {
      const ends = { kind: 'person', subject: 'bert' } as const;
      const logout = { issuer: 'idp', ends, issuedAt: 1_000, tokenKey: 'key', keepSeconds: 60, tenants: [ACME] };
      return catalog.recordLogout(logout, CHANGE.requestId);
    },
  },
  {
    name: 'a new document',
    moves: [0, 0, 0],
    events: ['document.published'],
    run: ({ put }, { source }) => put('new', { source, attributes: BASE }),
  },
  {
    name: 'a replaced text',
    moves: [1, 0, 0],
    events: ['document.published'],
    run: ({ put }, { source }) => put('d', { source, attributes: BASE, paragraphs: ['x'] }),
  },
  {
    name: 'a deleted document',
    moves: [1, 0, 0],
    events: ['document.deleted'],
    run: ({ catalog }, { key }) => catalog.deleteDocument(key, ACME, 1, CHANGE),
  },
  {
    name: 'a deleted source',
    moves: [1, 0, 1],
    events: ['source.deleted'],
    run: ({ catalog }, { source }) => catalog.deleteSource(ACME, source, 1, CHANGE),
  },
  {
    name: 'a policy revision',
    moves: [1, 0, 1],
    events: ['policy.published', 'policy.activated'],
    run: ({ catalog }) => catalog.activatePolicy(ACME, policy('second'), 'first', CHANGE),
  },
  {
    name: 'a known label and ACL',
    moves: [0, 0, 0],
    run: ({ catalog }, { source }) => catalog.reserve(ACME, source, BASE.declared, BASE.acl),
  },
  {
    name: 'a new zone',
    moves: [0, 0, 1],
    run: ({ catalog }, { source }) => catalog.reserve(ACME, source, label('restricted', ['x']), BASE.acl),
  },
  {
    name: 'a new principal',
    moves: [0, 0, 1],
    run: ({ catalog }, { source }) => catalog.reserve(ACME, source, BASE.declared, acl([['user:idp|new' as Principal]])),
  },
  { name: 'an index that caught up', moves: [0, 0, 0], run: ({ catalog }, { key }) => catalog.markIndexed(ACME, key, 1) },
];

const LABELS = [
  label('confidential', ['people']),
  label('internal', ['legal', 'people']),
  label('internal', ['people'], 'external'),
  label('public', ['people']),
  label('internal'),
  label('internal', ['people'], 'trusted'),
  label('public', ['legal']),
];

export function describeEpochs(get: GetWorld): void {
  describe('epochs', () => {
    it('move for what takes from somebody, and stay for what only gives', async () => {
      const world = get();
      const found: Record<string, unknown> = {};
      const expected: Record<string, unknown> = {};
      for (const [n, { name, moves, events = [], run }] of CASES.entries()) {
        const source = `s${n}` as SourceId;
        await world.catalog.putSource(ACME, source, sourceAttributes(), 'absent', CHANGE);
        const document = await world.put('d', { source, attributes: BASE });
        // Labels and principals that the cases name are there already, so that only the change itself is counted.
        for (const declared of LABELS) await world.catalog.reserve(ACME, source, declared, acl([[HR, OPS, ANNA]], ['user:idp|bob']));
        const [before, eventsBefore] = [await world.stamp(), await eventsOf(world)];
        await run(world, document);
        const [after, eventsAfter] = [await world.stamp(), await eventsOf(world)];
        const moved = [after.tenant - before.tenant, after.global - before.global, after.generation - before.generation];
        found[name] = { moved, events: eventsAfter.slice(eventsBefore.length) };
        expected[name] = { moved: moves, events };
      }
      expect(found).toEqual(expected);
    });

    it('widens without moving the epoch when a switch is lifted or a quarantine ends', async () => {
      const world = get();
      const { catalog, put } = world;
      const { key } = await put('d', { attributes: { state: 'quarantined' } });
      await catalog.throwSwitch(ACME, { kind: 'all' }, 'r', CHANGE);
      const before = await world.stamp();
      await catalog.liftSwitch(ACME, { kind: 'all' }, CHANGE);
      await catalog.change(key, ACME, 1, attributesOf(), CHANGE);
      expect(await world.stamp()).toEqual({ ...before, generation: before.generation + 1 });
    });

    it('changes nothing, the epoch included, where the event cannot be written', async () => {
      const world = get();
      const { put, replica } = world;
      const { key } = await put('d');
      const broken = await replica(() => Promise.reject(new Error('no audit')));
      const before = await world.stamp();
      const attempts = [
        () => broken.change(key, ACME, 1, attributesOf({ acl: { gates: [], deny: [] } }), CHANGE),
        () => broken.deleteDocument(key, ACME, 1, CHANGE),
        () => broken.deleteSource(ACME, HANDBOOK, 1, CHANGE),
        () => broken.throwSwitch(ACME, { kind: 'all' }, 'r', CHANGE),
        () => broken.activatePolicy(ACME, policy('second'), 'first', CHANGE),
        () => broken.createTenant('initech' as typeof ACME, policy('x'), CHANGE),
      ];
      for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ code: 'catalog_unavailable' });
      expect(await world.stamp()).toEqual(before);
      expect((await world.catalog.document(ACME, HANDBOOK, 'd' as StoredDocument['document']))?.revision).toBe(1);
      expect((await world.catalog.activePolicy(ACME))?.id).toBe('first');
      expect(await world.catalog.epoch('initech' as typeof ACME)).toEqual({ kind: 'none' });
    });

    it.each(['epoch', 'generation'] as const)('refuses a database whose %s is lower than one it has seen', async (column) => {
      const world = get();
      const fresh = await world.replica();
      await world.catalog.throwSwitch(ACME, { kind: 'tenant' }, 'r', CHANGE);
      await world.stamp();
      await world.database.transaction((tx) =>
        tx
          .updateTable('epochs')
          .set({ [column]: 1 })
          .where('scope', '=', ACME)
          .execute(),
      );
      await expect(world.catalog.epoch(ACME)).rejects.toMatchObject({ code: 'epoch_rolled_back' });
      await expect(world.catalog.epoch(ACME)).rejects.toMatchObject({ code: 'epoch_rolled_back' });
      await expect(fresh.epoch(ACME)).resolves.toMatchObject({ kind: 'epoch' });
      await world.database.transaction((tx) => tx.deleteFrom('epochs').where('scope', '=', ACME).execute());
      await expect(world.catalog.epoch(ACME)).rejects.toMatchObject({ code: 'epoch_rolled_back' });
      await expect(world.catalog.epoch('nobody' as typeof ACME)).resolves.toEqual({ kind: 'none' });
    });

    it('never reuses a zone id and keeps equal labels together', async () => {
      const { catalog } = get();
      const zones: ZoneId[] = [];
      for (const source of ['s1', 's2', 's3'] as (typeof HANDBOOK)[]) {
        await catalog.putSource(ACME, source, sourceAttributes(), 'absent', CHANGE);
        for (const level of ['public', 'restricted']) zones.push((await catalog.reserve(ACME, source, label(level), acl([]))).zone);
      }
      expect(zones).toEqual([1, 65, 2, 66, 3, 67]);
    });
  });
}

async function eventsOf({ database }: CatalogWorld): Promise<readonly string[]> {
  const rows = await database.db.selectFrom('audit_events').select('kind').where('tenant', '=', ACME).orderBy('idx').execute();
  return rows.map(({ kind }) => kind);
}
