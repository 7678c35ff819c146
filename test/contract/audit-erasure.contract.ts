import { setImmediate as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { named } from '../../src/core/audit-names.ts';
import type { Digest } from '../../src/core/digest.ts';
import type { Erasable } from '../../src/core/ports/audit.ts';
import {
  ACME,
  ADA,
  AT_ZERO,
  BOB,
  changeOf,
  event,
  HANDBOOK,
  LEAVE,
  OTHER,
  releaseOf,
  textOf,
  TOOL,
  VERSION,
} from '../support/audit-events.ts';
import { withReplica, type AuditWorld } from '../support/audit-fixture.ts';

const NEWER: Digest = `sha256:${'2'.repeat(64)}`;
const CALLER = { kind: 'caller', principal: ADA } as const;
const DOCUMENT = { kind: 'content', source: HANDBOOK, document: LEAVE } as const;
const TABLES = ['audit_events', 'audit_keys', 'audit_texts', 'audit_sealed', 'audit_tombstones', 'audit_heads'] as const;

/** What is erased can be read and linked by nobody, on no replica; the log stays whole. */
export function describeErasure(get: () => AuditWorld): void {
  /** Everything the audit holds, as one text. */
  const everything = async (): Promise<string> => {
    const tables = await Promise.all(TABLES.map((table) => get().database.db.selectFrom(table).selectAll().execute()));
    return JSON.stringify(tables, (_key, value: unknown) => (value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value));
  };

  describe('an erased caller', () => {
    it('is named nowhere any more, nor opened; others and the texts are, and the log verifies', async () => {
      const { audit } = get();
      for (const who of [ADA, BOB]) await audit.append(releaseOf('r', who, [textOf('said')]));
      expect(await everything()).toContain(ADA);
      const outcome = await audit.erase(ACME, CALLER, 'asked for it', changeOf('e1'));
      expect(outcome).toMatchObject({ kind: 'erased', receipt: { index: 2 } });
      expect(await everything()).not.toContain(ADA);
      const [release] = await audit.between(ACME, 0, 1, ['release']);
      expect(release?.body['user']).toMatch(/^erased:[0-9a-f]{32}$/);
      const gone = { kind: 'erased', index: 2 };
      expect(await audit.sealed(ACME, 0)).toMatchObject({ facts: gone, answer: gone, texts: [{ kind: 'open' }] });
      expect(await audit.sealed(ACME, 1)).toMatchObject({ facts: { kind: 'open' }, answer: { kind: 'open' }, texts: [{ kind: 'open' }] });
      const [told] = await audit.byRequest(ACME, 'e1');
      expect(told).toMatchObject({ kind: 'caller.erased', body: { by: BOB, through: TOOL, reason: 'asked for it' } });
      expect(told?.body['subject']).toBe(release?.body['user']);
      expect(await audit.verifyChain(ACME)).toMatchObject({ kind: 'intact', size: 3 });
    });

    it('who comes back is somebody new', async () => {
      const { audit } = get();
      await audit.append(releaseOf('before', ADA, [textOf('said')]));
      await audit.erase(ACME, CALLER, 'asked for it', changeOf('e1'));
      await audit.append(releaseOf('after', ADA, [textOf('said')]));
      const rows = await get().rows();
      const people = rows.filter(({ kind }) => kind === 'release').map(({ body }) => (JSON.parse(body) as { user: unknown }).user);
      expect(people[0]).not.toEqual(people[1]);
      expect((await audit.byRequest(ACME, 'after'))[0]?.body).toMatchObject({ user: ADA });
      expect((await audit.byRequest(ACME, 'before'))[0]?.body['user']).toMatch(/^erased:/);
      expect(await audit.sealed(ACME, 2)).toMatchObject({ facts: { kind: 'open' } });
      expect(await audit.verifyChain(ACME)).toMatchObject({ kind: 'intact', size: 3 });
    });

    it('nobody of that name, or of another tenant, is unknown; twice is unknown too', async () => {
      const { audit } = get();
      await audit.append(releaseOf('r', ADA, []));
      expect(await audit.erase(OTHER, CALLER, 'x', changeOf('e'))).toEqual({ kind: 'unknown' });
      expect(await audit.erase(ACME, { ...CALLER, principal: BOB }, 'x', changeOf('e', ADA))).toEqual({ kind: 'unknown' });
      expect((await get().rows()).length).toBe(1);
      expect(await audit.erase(ACME, CALLER, 'x', changeOf('e'))).toMatchObject({ kind: 'erased' });
      expect(await audit.erase(ACME, CALLER, 'x', changeOf('e'))).toEqual({ kind: 'unknown' });
    });

    it('an application with its own rights loses what it was answered, and keeps its name', async () => {
      const { audit } = get();
      await audit.append(releaseOf('r', TOOL, [textOf('said')]));
      expect(await audit.erase(ACME, { kind: 'caller', principal: TOOL }, 'x', changeOf('e'))).toMatchObject({ kind: 'erased' });
      expect(await audit.sealed(ACME, 0)).toMatchObject({ facts: { kind: 'erased' }, answer: { kind: 'erased' } });
      expect((await audit.byRequest(ACME, 'r'))[0]?.body).toMatchObject({ user: TOOL });
      expect(await audit.verifyChain(ACME)).toMatchObject({ kind: 'intact' });
    });
  });

  describe('an erased text', () => {
    it('of all versions leaves neither content nor name, nor answers that held it', async () => {
      const { audit, database } = get();
      await audit.append(releaseOf('r1', ADA, [textOf('old', LEAVE), textOf('kept', 'other')]));
      await audit.append(releaseOf('r2', ADA, [textOf('new', LEAVE, NEWER)]));
      await audit.append(releaseOf('r3', ADA, [textOf('kept', 'other')]));
      expect(await audit.erase(ACME, DOCUMENT, 'contract ended', changeOf('e'))).toMatchObject({ kind: 'erased', receipt: { index: 3 } });
      const gone = { kind: 'erased', index: 3 };
      expect(await audit.sealed(ACME, 0)).toMatchObject({ facts: { kind: 'open' }, answer: gone, texts: [gone, { kind: 'open' }] });
      expect(await audit.sealed(ACME, 1)).toMatchObject({ facts: { kind: 'open' }, answer: gone, texts: [gone] });
      expect(await audit.sealed(ACME, 2)).toMatchObject({ answer: { kind: 'open' }, texts: [{ kind: 'open' }] });
      expect(await database.db.selectFrom('audit_texts').select('id').execute()).toHaveLength(1);
      const stored = await everything();
      for (const name of [LEAVE, VERSION.slice(7), NEWER]) expect(stored).not.toContain(`"${name}`);
      const [release] = await audit.byRequest(ACME, 'r1');
      expect(release?.body['chunks']).toMatchObject([{ document: expect.stringMatching(/^erased:/) as string }, { document: 'other' }]);
      expect(await audit.verifyChain(ACME)).toMatchObject({ kind: 'intact', size: 4 });
    });

    it('of one version leaves the others, and the document its name', async () => {
      const { audit } = get();
      await audit.append(releaseOf('r1', ADA, [textOf('old')]));
      await audit.append(releaseOf('r2', ADA, [textOf('new', LEAVE, NEWER)]));
      const what: Erasable = { ...DOCUMENT, version: VERSION };
      expect(await audit.erase(ACME, what, 'x', changeOf('e'))).toMatchObject({ kind: 'erased', receipt: { index: 2 } });
      expect(await audit.sealed(ACME, 0)).toMatchObject({ answer: { kind: 'erased', index: 2 }, texts: [{ kind: 'erased', index: 2 }] });
      expect(await audit.sealed(ACME, 1)).toMatchObject({ answer: { kind: 'open' }, texts: [{ kind: 'open' }] });
      expect((await audit.byRequest(ACME, 'e'))[0]?.body).toMatchObject({ source: HANDBOOK, document: LEAVE });
      expect(await everything()).not.toContain(VERSION);
      expect(await audit.verifyChain(ACME)).toMatchObject({ kind: 'intact', size: 3 });
    });

    it('is told apart from documents whose names begin alike', async () => {
      const { audit } = get();
      const alike = ['leave', 'leave"', 'leave-2', 'leave","x'];
      for (const name of alike) await audit.append(releaseOf(name, ADA, [textOf('said', name)]));
      expect(await audit.erase(ACME, DOCUMENT, 'x', changeOf('e'))).toMatchObject({ kind: 'erased' });
      expect(await audit.sealed(ACME, 0)).toMatchObject({ texts: [{ kind: 'erased' }] });
      for (const index of [1, 2, 3]) expect(await audit.sealed(ACME, index)).toMatchObject({ texts: [{ kind: 'open' }] });
    });
  });

  describe('a legal hold', () => {
    it.each([
      ['the caller', CALLER, CALLER],
      ['the document', DOCUMENT, DOCUMENT],
      ['the document, for one of its versions', DOCUMENT, { ...DOCUMENT, version: VERSION }],
      ['one version, for the whole document', { ...DOCUMENT, version: VERSION }, DOCUMENT],
    ] as const)('on %s refuses the erasure until it is lifted', async (_name, held, erased) => {
      const { audit } = get();
      await audit.append(releaseOf('r', ADA, [textOf('said')]));
      expect(await audit.hold(ACME, held, 'a lawsuit', changeOf('h1'))).toEqual({ changed: true });
      expect(await audit.hold(ACME, held, 'again', changeOf('h2'))).toEqual({ changed: false });
      expect(await audit.holds(ACME, undefined, 10)).toMatchObject([{ what: held, reason: 'a lawsuit', by: BOB }]);
      expect(await audit.holds(OTHER, undefined, 10)).toEqual([]);
      expect(await audit.erase(ACME, erased, 'x', changeOf('e'))).toEqual({ kind: 'held' });
      expect(await audit.sealed(ACME, 0)).toMatchObject({ facts: { kind: 'open' }, answer: { kind: 'open' }, texts: [{ kind: 'open' }] });
      expect(await audit.liftHold(ACME, held, 'settled', changeOf('l'))).toEqual({ changed: true });
      expect(await audit.liftHold(ACME, held, 'settled', changeOf('l2'))).toEqual({ changed: false });
      expect(await audit.erase(ACME, erased, 'x', changeOf('e'))).toMatchObject({ kind: 'erased' });
      expect((await get().rows()).map(({ kind }) => kind).slice(1, 3)).toEqual(['hold.placed', 'hold.lifted']);
      expect((await get().rows()).map(({ body }) => body).join()).not.toContain(VERSION);
      expect(await audit.verifyChain(ACME)).toMatchObject({ kind: 'intact', size: 4 });
    });

    it('on something else refuses nothing, and lists page by page', async () => {
      const { audit } = get();
      await audit.append(releaseOf('r', ADA, [textOf('said')]));
      for (const principal of [BOB, TOOL]) await audit.hold(ACME, { kind: 'caller', principal }, 'x', changeOf('h'));
      await audit.hold(ACME, { ...DOCUMENT, version: NEWER }, 'x', changeOf('h'));
      const [first] = await audit.holds(ACME, undefined, 1);
      const rest = await audit.holds(ACME, first?.name, 10);
      expect([first?.what, ...rest.map(({ what }) => what)]).toEqual([
        { kind: 'caller', principal: TOOL },
        { kind: 'caller', principal: BOB },
        { ...DOCUMENT, version: NEWER },
      ]);
      expect(await audit.erase(ACME, CALLER, 'x', changeOf('e'))).toMatchObject({ kind: 'erased' });
      expect(await audit.erase(ACME, { ...DOCUMENT, version: VERSION }, 'x', changeOf('e'))).toMatchObject({ kind: 'erased' });
    });
  });

  describe('an erasure and other replicas', () => {
    it('no key held in memory there outlives it', async () => {
      const { audit, config } = get();
      await withReplica(config, async (replica) => {
        for (const one of [audit, replica.audit]) await one.append(releaseOf('warm', ADA, [textOf('said')]));
        await audit.erase(ACME, CALLER, 'x', changeOf('e1'));
        await audit.erase(ACME, DOCUMENT, 'x', changeOf('e2'));
        const { index } = await replica.audit.append(releaseOf('later', ADA, [textOf('said')]));
        const body = (await get().rows())[index]?.body ?? '';
        const before = (await get().rows())[0]?.body ?? '';
        for (const [pseudonym] of before.matchAll(/[0-9a-f]{32}"}/g)) expect(body).not.toContain(pseudonym);
        expect(await replica.audit.sealed(ACME, index)).toMatchObject({ facts: { kind: 'open' }, texts: [{ kind: 'open' }] });
        expect(await replica.audit.sealed(ACME, 0)).toMatchObject({ facts: { kind: 'erased' }, texts: [{ kind: 'erased' }] });
        expect((await replica.audit.byRequest(ACME, 'later'))[0]?.body).toMatchObject({ user: ADA });
      });
      expect(await audit.verifyChain(ACME)).toMatchObject({ kind: 'intact', size: 5 });
    });

    it('in a race with releases everything is wholly before it or wholly after', async () => {
      const { audit, config } = get();
      await withReplica(config, async (replica) => {
        let written = 0;
        let running = true;
        const releases = [audit, replica.audit].flatMap((one, side) =>
          Array.from({ length: 4 }, async (_, worker) => {
            for (let n = 0; running || n < 5; n += 1) {
              await one.release(
                releaseOf(`s${side}w${worker}n${n}`, n % 2 === 0 ? ADA : BOB, [textOf(`text ${n % 3}`)]),
                AT_ZERO,
                'forever',
              );
              // SQLite answers without a wait; the other replica's turn comes with a timer.
              await pause();
              written += 1;
            }
          }),
        );
        const erased: number[] = [];
        for (const what of [CALLER, DOCUMENT, CALLER]) {
          // Named again since, however slowly the releases come.
          await audit.append(event('between', { body: { user: named(ADA) } }));
          // Of every worker at least two, and so of both people: there is something to erase each time.
          for (const before = written; written < before + 64;) await pause();
          const outcome = await (erased.length === 1 ? audit : replica.audit).erase(ACME, what, 'x', changeOf('e'));
          if (outcome.kind === 'erased') erased.push(outcome.receipt.index);
        }
        running = false;
        await Promise.all(releases);
        const lastOf = (position: number, mine: readonly number[]): number | undefined => mine.find((at) => at > position);
        const rows = await get().rows();
        for (const { idx, body } of rows.filter(({ kind }) => kind === 'release')) {
          const [read] = await audit.between(ACME, idx, idx + 1, ['release']);
          const user = JSON.stringify(read?.body['user']).slice(1, -1);
          const caller = lastOf(idx, [erased[0] ?? -1, erased[2] ?? -1]);
          const content = lastOf(idx, [erased[1] ?? -1]);
          const opened = await audit.sealed(ACME, idx);
          const asked = { [BOB]: BOB, [ADA]: ADA }[user] ?? user.slice(0, 7);
          expect([ADA, BOB, 'erased:']).toContain(asked);
          const mine = asked === BOB ? undefined : caller;
          expect([asked, opened?.facts.kind]).toEqual(mine === undefined ? [asked, 'open'] : ['erased:', 'erased']);
          expect(opened?.facts).toMatchObject(mine === undefined ? {} : { index: mine });
          expect(opened?.texts[0]).toMatchObject(content === undefined ? { kind: 'open' } : { kind: 'erased', index: content });
          expect(body).not.toContain(ADA);
        }
        expect(erased).toHaveLength(3);
      });
      expect(await audit.verifyChain(ACME)).toMatchObject({ kind: 'intact' });
    });

    it('in a transaction of somebody else is part of it', async () => {
      const { audit, database } = get();
      await audit.append(event('r', { body: { user: named(ADA) } }));
      const failure = new Error('change of mind');
      const change = database.transaction(async (tx) => {
        expect(await audit.erasureSink(tx, ACME, CALLER, 'x', changeOf('e'))).toMatchObject({ kind: 'erased' });
        throw failure;
      });
      await expect(change).rejects.toBe(failure);
      expect((await audit.byRequest(ACME, 'r'))[0]?.body).toEqual({ user: ADA });
      await database.transaction((tx) => audit.erasureSink(tx, ACME, CALLER, 'x', changeOf('e')));
      await audit.append(event('r2', { body: { user: named(BOB) } }));
      expect((await audit.byRequest(ACME, 'r'))[0]?.body['user']).toMatch(/^erased:/);
      expect(await audit.verifyChain(ACME)).toMatchObject({ kind: 'intact', size: 3 });
    });
  });
}
