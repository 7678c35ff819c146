import { describe, expect, it } from 'vitest';
import type { Acl } from '../core/acl.ts';
import { aclSubject } from '../core/caller.ts';
import type { SourceId, ZoneId } from '../core/ids.ts';
import type { Level } from '../core/label.ts';
import type { Candidate } from '../core/ports/candidate.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import type { Principal } from '../core/principal.ts';
import { earliestEnd, isAlarming, judgeHit, type Judgement, type JudgingContext, type RefusedBy } from './judge.ts';
import { CALLER, candidate, fakePolicy, HANDBOOK, judgingContext, label, READ_AT, source, STAFF, view, zone } from './retrieval.fixture.ts';

const SECONDS = READ_AT / 1_000;
const ADA = 'user:idp|ada' as Principal;
const ASSISTANT = 'client:idp|assistant' as Principal;

interface Case {
  readonly what: string;
  readonly by: RefusedBy;
  readonly candidate?: Partial<Candidate>;
  readonly context?: Partial<JudgingContext>;
  readonly confirm?: PolicyPort['confirm'];
}

const refuse: PolicyPort['confirm'] = () => ({ kind: 'refuse', reason: 'user-not-permitted' });

/** Each differs from what passes in one thing. */
const CASES: readonly Case[] = [
  { what: 'a chunk that is staged', by: 'staged', candidate: { state: 'staged' } },
  { what: 'a chunk of a text that was replaced', by: 'gone', candidate: { state: 'gone' } },
  { what: 'a switched-off document', by: 'off', candidate: { state: 'off' } },
  { what: 'a quarantined document', by: 'quarantined', candidate: { state: 'quarantined' } },
  { what: 'a document that begins later', by: 'time', candidate: { validFrom: SECONDS + 1 } },
  { what: 'a document that ended now', by: 'time', candidate: { validUntil: SECONDS } },
  { what: 'no gates', by: 'acl-gate', candidate: { acl: { gates: [], deny: [] } } },
  { what: 'an empty gate', by: 'acl-gate', candidate: { acl: { gates: [[STAFF], []], deny: [] } } },
  { what: 'a gate for others', by: 'acl-gate', candidate: { acl: { gates: [['group:idp|hr' as Principal]], deny: [] } } },
  { what: 'a second gate for others', by: 'acl-gate', candidate: { acl: { gates: [[STAFF], ['group:idp|hr' as Principal]], deny: [] } } },
  { what: 'a gate for the client of a user', by: 'acl-gate', candidate: { acl: { gates: [[ASSISTANT]], deny: [] } } },
  { what: 'a deny of the user', by: 'acl-deny', candidate: { acl: { gates: [[STAFF]], deny: [ADA] } } },
  { what: 'a deny of a group', by: 'acl-deny', candidate: { acl: { gates: [[ADA]], deny: [STAFF] } } },
  { what: 'a deny of the client', by: 'acl-deny', candidate: { acl: { gates: [[STAFF]], deny: [ASSISTANT] } } },
  {
    what: 'a grant that ended now',
    by: 'acl-time',
    candidate: { acl: { gates: [[{ principal: STAFF, until: READ_AT }, 'group:idp|hr' as Principal]], deny: [] } },
  },
  {
    what: 'a grant that begins later',
    by: 'acl-time',
    candidate: { acl: { gates: [[STAFF], [{ principal: ADA, from: READ_AT + 1 }]], deny: [] } },
  },
  { what: 'a deny for now', by: 'acl-time', candidate: { acl: { gates: [[STAFF]], deny: [{ principal: ADA, from: READ_AT }] } } },
  {
    what: 'a deny for now beside one for ever',
    by: 'acl-deny',
    candidate: { acl: { gates: [[STAFF]], deny: [{ principal: ADA, from: READ_AT }, STAFF] } },
  },
  {
    what: 'a grant of others that ended',
    by: 'acl-gate',
    candidate: { acl: { gates: [[{ principal: 'group:idp|hr' as Principal, until: 0 }]], deny: [] } },
  },
  { what: 'a zone the view does not know', by: 'zone', candidate: { zone: 9 as ZoneId }, context: { zones: new Set([1, 9] as ZoneId[]) } },
  { what: 'a zone that key one did not admit', by: 'zone', context: { zones: new Set([2 as ZoneId]) } },
  { what: 'a source the view does not know', by: 'zone', candidate: { source: 'other' as SourceId } },
  {
    what: 'a zone of another source',
    by: 'zone',
    context: { view: view([zone(1, label('public'), 'other' as SourceId)], [source(), source({ id: 'other' as SourceId })]) },
  },
  { what: "Casbin's refusal", by: 'policy', confirm: refuse },
  { what: 'a source nobody asked for', by: 'restriction', context: { restriction: { sources: ['other' as SourceId] } } },
  {
    what: 'a level above the one asked for, by the source',
    by: 'restriction',
    context: { restriction: { maxLevel: 'internal' as Level }, view: view([zone(1)], [source({ label: label('confidential') })]) },
  },
  {
    what: 'a level above the one asked for, by the document',
    by: 'restriction',
    context: { restriction: { maxLevel: 'internal' as Level }, view: view([zone(1, label('confidential'))]) },
  },
  {
    what: 'less trust than asked for',
    by: 'restriction',
    context: { restriction: { minTrust: 'internal' }, view: view([zone(1, label('public', 'external'))]) },
  },
];

describe('judgeHit', () => {
  it('passes what every rule permits, with its effective label and rules', () => {
    const context = judgingContext({
      view: view([zone(1, label('public', 'internal', ['b']))], [source({ label: label('internal', 'trusted', ['a']) })]),
    });
    expect(judgeHit(fakePolicy(), context, candidate(1), READ_AT)).toEqual({
      kind: 'passed',
      judgement: {
        candidate: candidate(1),
        label: label('internal', 'internal', ['a', 'b']),
        rules: ['line:1'],
        at: READ_AT,
        until: 'forever',
      },
    });
  });

  it('refuses what the catalog does not know', () => {
    expect(judgeHit(fakePolicy(), judgingContext(), undefined, READ_AT)).toEqual({ kind: 'refused', by: 'unknown' });
  });

  it.each(CASES.map((one) => [one.what, one] as const))('refuses %s', (_what, { by, candidate: fields, context, confirm }) => {
    const policy = fakePolicy(confirm === undefined ? {} : { confirm });
    expect(judgeHit(policy, judgingContext(context), candidate(1, fields), READ_AT)).toEqual({ kind: 'refused', by });
  });

  it('names bait only to whom it would have been released: every other reason comes first', () => {
    const bait = candidate(1, { honey: true });
    expect(judgeHit(fakePolicy(), judgingContext(), bait, READ_AT)).toEqual({
      kind: 'refused',
      by: 'bait',
      document: { key: bait.key, source: bait.source, document: bait.document },
    });
    for (const { by, candidate: fields, context, confirm } of CASES) {
      const policy = fakePolicy(confirm === undefined ? {} : { confirm });
      const judged = judgeHit(policy, judgingContext(context), candidate(1, { ...fields, honey: true }), READ_AT);
      expect(judged).toEqual({ kind: 'refused', by });
    }
  });

  it('has a case for every reason', () => {
    const all: Readonly<Record<RefusedBy, true>> = {
      unknown: true,
      staged: true,
      gone: true,
      off: true,
      quarantined: true,
      time: true,
      'acl-gate': true,
      'acl-deny': true,
      'acl-time': true,
      zone: true,
      policy: true,
      restriction: true,
      bait: true,
    };
    expect(new Set(['unknown', 'bait', ...CASES.map(({ by }) => by)])).toEqual(new Set(Object.keys(all)));
  });

  it.each([
    [{ validFrom: SECONDS }, 0, true],
    [{ validFrom: SECONDS + 1 }, 999, false],
    [{ validFrom: SECONDS + 1 }, 1_000, true],
    [{ validUntil: SECONDS + 1 }, 999, true],
    [{ validUntil: SECONDS + 1 }, 1_000, false],
  ] as const)('judges validity %j as [from, until), at %i ms', (fields, after, passes) => {
    const { kind } = judgeHit(fakePolicy(), judgingContext(), candidate(1, fields), READ_AT + after);
    expect(kind).toBe(passes ? 'passed' : 'refused');
  });

  it('lets a client without a user through a gate that names it, and asks Casbin for exactly this zone and purpose', () => {
    const alone = { ...CALLER, user: { kind: 'none' } } as const;
    const asked: unknown[] = [];
    const policy = fakePolicy({
      confirm: (...question) => {
        asked.push(question.slice(1));
        return { kind: 'permit', rules: [] };
      },
    });
    const context = judgingContext({ caller: alone, subject: aclSubject(alone), purpose: 'audit' });
    const gates = [[ASSISTANT]];
    expect(judgeHit(policy, context, candidate(1, { acl: { gates, deny: [] } }), READ_AT).kind).toBe('passed');
    expect(judgeHit(policy, context, candidate(1, { acl: { gates: [[STAFF]], deny: [] } }), READ_AT).kind).toBe('refused');
    expect(asked).toEqual([[alone, 1, 'retrieve', 'audit']]);
  });

  it('passes what the restriction allows to the edge', () => {
    const restriction = { sources: [HANDBOOK], minTrust: 'internal', maxLevel: 'internal' as Level } as const;
    const context = judgingContext({ restriction, view: view([zone(1, label('internal', 'internal'))]) });
    expect(judgeHit(fakePolicy(), context, candidate(1), READ_AT).kind).toBe('passed');
  });
});

describe('what follows from judgements', () => {
  it('alarms on what key one and the catalog should have known', () => {
    expect(CASES.map(({ by }) => by).filter(isAlarming)).toEqual(['policy']);
    expect(isAlarming('unknown')).toBe(true);
  });

  it('ends with the first of what is released', () => {
    const until = (fields: Partial<Candidate>): Judgement => {
      const hit = judgeHit(fakePolicy(), judgingContext(), candidate(1, fields), READ_AT);
      if (hit.kind === 'refused') throw new Error(hit.by);
      return hit.judgement;
    };
    const acl = (gates: Acl['gates'], deny: Acl['deny'] = []): Partial<Candidate> => ({ acl: { gates, deny } });
    expect(earliestEnd([])).toBe('forever');
    expect(earliestEnd([until({})])).toBe('forever');
    expect(earliestEnd([until({}), until({ validUntil: SECONDS + 20 }), until({ validUntil: SECONDS + 10 })])).toBe(READ_AT + 10_000);
    // A grant that ends, a deny that begins; nothing that only gives, or that concerns others.
    const end = { principal: STAFF, until: READ_AT + 5 };
    const hr = { principal: 'group:idp|hr' as Principal, until: READ_AT + 1 };
    expect(earliestEnd([until(acl([[end, hr]]))])).toBe(READ_AT + 5);
    expect(earliestEnd([until(acl([[STAFF]], [{ principal: ADA, from: READ_AT + 7 }, hr]))])).toBe(READ_AT + 7);
    expect(earliestEnd([until(acl([[STAFF]], [{ principal: ADA, until: READ_AT }]))])).toBe('forever');
    expect(earliestEnd([until({ ...acl([[end]]), validUntil: SECONDS + 10 })])).toBe(READ_AT + 5);
  });
});
