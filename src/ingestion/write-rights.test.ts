import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeAcl, normaliseAcl, type AclSubject } from '../core/acl.ts';
import type { SourceId, TenantId, ZoneId } from '../core/ids.ts';
import { labelScheme, trustRank, TRUSTS, type Label, type Level } from '../core/label.ts';
import type { StoredDocument, TenantView } from '../core/ports/catalog.ts';
import type { Caller } from '../core/caller.ts';
import { EVERYONE, type Principal } from '../core/principal.ts';
import type { Source } from '../core/zone.ts';
import type { Action } from '../core/policy-lines.ts';
import type { Authority } from './authority.ts';
import { checkAgainstBefore, checkWriter, requireLabel, widens, type Access } from './write-rights.ts';

const SCHEME = labelScheme(['public', 'internal', 'restricted']);
const NAMES = ['everyone', 'user:i|a', 'group:i|x', 'group:i|y', 'client:i|m'] as readonly string[] as readonly Principal[];
const COMPARTMENTS = ['p', 'q'];

/** People in every combination of groups, and the client alone. */
const SUBJECTS: readonly AclSubject[] = [[], ['group:i|x'], ['group:i|y'], ['group:i|x', 'group:i|y']].flatMap((groups) =>
  ['user:i|a', 'user:i|b'].flatMap((user) => {
    const person = [user, EVERYONE, ...groups] as readonly string[] as readonly Principal[];
    const client = 'client:i|m' as Principal;
    return [
      { gate: new Set(person), deny: new Set([...person, client]) },
      { gate: new Set([client]), deny: new Set([client]) },
    ];
  }),
);
const TIMES = [0, 15, 25, 35];

/** What a reader is cleared for: a level, compartments, and the least trust they take. */
const CLEARANCES = SCHEME.levels.flatMap((level) =>
  [[], ['p'], ['q'], COMPARTMENTS].flatMap((compartments) => TRUSTS.map((trust) => ({ level, compartments, trust }))),
);

function reads(access: Access, subject: AclSubject, clearance: Label, at: number): boolean {
  const { acl, declared, validFrom, validUntil, state } = access;
  return (
    state === 'live' &&
    judgeAcl(acl, subject, at * 1_000).kind === 'permit' &&
    (validFrom === 'always' || validFrom <= at) &&
    (validUntil === 'forever' || at < validUntil) &&
    SCHEME.rank(declared.level) <= SCHEME.rank(clearance.level) &&
    declared.compartments.every((c) => clearance.compartments.includes(c)) &&
    trustRank(declared.trust) >= trustRank(clearance.trust)
  );
}

/** Some of them for a time, whose bounds meet those of the documents. */
const entry = fc.oneof(
  fc.constantFrom(...NAMES),
  fc.record({ principal: fc.constantFrom(...NAMES), from: fc.constantFrom(10_000, 20_000), until: fc.constantFrom(20_001, 30_000) }),
);
const list = fc.array(entry, { maxLength: 3 });
const label: fc.Arbitrary<Label> = fc.record({
  level: fc.constantFrom(...SCHEME.levels),
  compartments: fc.subarray(COMPARTMENTS),
  trust: fc.constantFrom(...TRUSTS),
});
const access: fc.Arbitrary<Access> = fc.record({
  acl: fc.record({ gates: fc.array(list, { maxLength: 3 }), deny: list }).map(normaliseAcl),
  declared: label,
  validFrom: fc.constantFrom('always' as const, 10, 20),
  validUntil: fc.constantFrom('forever' as const, 20, 30),
  state: fc.constantFrom('live' as const, 'quarantined' as const),
});
/** Two that differ in few things, so that some of them are no widening. */
const change = fc
  .tuple(access, access, fc.subarray(['acl', 'declared', 'validFrom', 'validUntil', 'state'] as const, { maxLength: 2 }))
  .map(([before, other, fields]) => [before, { ...before, ...Object.fromEntries(fields.map((field) => [field, other[field]])) }] as const);

describe('widens', () => {
  it('is true whenever anybody can read afterwards, at any time, who could not before', () => {
    const seen = { wider: 0, narrower: 0 };
    fc.assert(
      fc.property(change, ([before, after]) => {
        const gained = SUBJECTS.some((subject) =>
          CLEARANCES.some((clearance) =>
            TIMES.some((at) => reads(after, subject, clearance, at) && !reads(before, subject, clearance, at)),
          ),
        );
        const wider = widens(SCHEME, before, after);
        seen[wider ? 'wider' : 'narrower'] += 1;
        expect(gained && !wider).toBe(false);
      }),
      { numRuns: 3_000 },
    );
    // Always true would pass the property, and nobody could ever narrow.
    expect(Math.min(seen.wider, seen.narrower)).toBeGreaterThan(300);
  });

  it('is false for what stays as it is', () => {
    fc.assert(
      fc.property(access, (one) => {
        expect(widens(SCHEME, one, one)).toBe(false);
      }),
    );
  });

  const base: Access = {
    acl: { gates: [[EVERYONE]], deny: [] },
    declared: { level: 'internal' as Level, compartments: ['p'], trust: 'internal' },
    validFrom: 10,
    validUntil: 20,
    state: 'live',
  };
  it.each([
    [
      'level',
      { declared: { ...base.declared, level: 'restricted' as Level } },
      { declared: { ...base.declared, level: 'public' as Level } },
    ],
    ['compartments', { declared: { ...base.declared, compartments: ['p', 'q'] } }, { declared: { ...base.declared, compartments: [] } }],
    ['trust', { declared: { ...base.declared, trust: 'external' } }, { declared: { ...base.declared, trust: 'trusted' } }],
    ['validFrom', { validFrom: 11 }, { validFrom: 9 }],
    ['validFrom cleared', { validFrom: 11 }, { validFrom: 'always' }],
    ['validUntil', { validUntil: 19 }, { validUntil: 21 }],
    ['validUntil cleared', { validUntil: 19 }, { validUntil: 'forever' }],
    ['gates', { acl: { gates: [[NAMES[1]]], deny: [] } }, { acl: { gates: [[EVERYONE, NAMES[4]]], deny: [] } }],
  ] as readonly (readonly [string, Partial<Access>, Partial<Access>])[])(
    '%s: one way is a widening and the other is not',
    (_what, narrow, wide) => {
      expect(widens(SCHEME, base, { ...base, ...narrow })).toBe(false);
      expect(widens(SCHEME, base, { ...base, ...wide })).toBe(true);
    },
  );

  it('releasing from quarantine is one, putting into it is not', () => {
    expect(widens(SCHEME, { ...base, state: 'quarantined' }, base)).toBe(true);
    expect(widens(SCHEME, base, { ...base, state: 'quarantined' })).toBe(false);
  });
});

const SOURCE: Source = {
  tenant: 't' as TenantId,
  id: 's' as SourceId,
  title: 's',
  owner: EVERYONE,
  label: { level: 'public' as Level, compartments: [], trust: 'trusted' },
  ceiling: { kind: 'none' },
  revision: 1,
  state: 'live',
};

function document(fields: Partial<StoredDocument> = {}): StoredDocument {
  const declared: Label = { level: 'public' as Level, compartments: [], trust: 'internal' };
  const rights = { acl: { gates: [[EVERYONE]], deny: [] }, declared, validFrom: 'always', validUntil: 'forever', state: 'live' } as const;
  return { ...rights, zone: 1 as ZoneId, ...fields } as StoredDocument;
}

/** Holds these actions, up to a level where one is said. */
function holder(rights: Partial<Record<Action, string>>): Authority {
  const may: Authority['may'] = (action, source, declared) => {
    const upto = rights[action];
    return upto !== undefined && SCHEME.rank((declared ?? source.label).level) <= SCHEME.rank(upto as Level);
  };
  return { view: { scheme: SCHEME } as TenantView, caller: {} as Caller, may, source: () => SOURCE };
}

const ALL = 'restricted';
const WRITER = holder({ ingest: ALL });
const EDITOR = holder({ ingest: ALL, label: ALL });

describe('checkWriter and checkAgainstBefore', () => {
  const write = (authority: Authority, writer: Label['trust'], before: StoredDocument | undefined, after: Partial<Access>) => () => {
    const judged = { authority, source: SOURCE, writer, before, after: { ...document(), ...after } };
    checkWriter(judged);
    checkAgainstBefore(judged);
  };
  const declaring = (fields: Partial<Label>): Partial<Access> => ({ declared: { ...document().declared, ...fields } });

  it('lets a writer write up to its trust, and an owner above it', () => {
    expect(write(WRITER, 'internal', undefined, declaring({ trust: 'internal' }))).not.toThrow();
    expect(write(WRITER, 'internal', undefined, declaring({ trust: 'trusted' }))).toThrow('trust_too_low');
    expect(write(EDITOR, 'internal', undefined, declaring({ trust: 'trusted' }))).not.toThrow();
  });

  it('refuses a write over a document that is trusted more than the writer, even a lowering or an identical one', () => {
    for (const after of [{}, declaring({ trust: 'external' })]) {
      expect(write(WRITER, 'external', document(), after)).toThrow('trust_too_low');
      expect(write(WRITER, 'internal', document(), after)).not.toThrow();
      expect(write(EDITOR, 'external', document(), after)).not.toThrow();
    }
  });

  it('refuses a label above what the writer may write', () => {
    const modest = holder({ ingest: 'internal' });
    expect(write(modest, 'trusted', undefined, declaring({ level: 'internal' as Level }))).not.toThrow();
    expect(write(modest, 'trusted', undefined, declaring({ level: 'restricted' as Level }))).toThrow('forbidden');
  });

  it('asks for label over the document as it was where anybody gains', () => {
    const secret = document(declaring({ level: 'restricted' as Level }));
    expect(write(WRITER, 'trusted', secret, {})).toThrow('forbidden');
    expect(write(EDITOR, 'trusted', secret, {})).not.toThrow();
    // Cleared to label what it becomes, but not what it is.
    expect(write(holder({ ingest: ALL, label: 'internal' }), 'trusted', secret, {})).toThrow('forbidden');
    expect(write(WRITER, 'trusted', document(), declaring({ level: 'restricted' as Level }))).not.toThrow();
  });

  it('requireLabel wants it over the source and over the document', () => {
    const secret = document(declaring({ level: 'restricted' as Level }));
    expect(() => requireLabel(EDITOR, SOURCE, secret)).not.toThrow();
    expect(() => requireLabel(holder({ label: 'internal' }), SOURCE, secret)).toThrow('forbidden');
    expect(() => requireLabel(WRITER, SOURCE, document())).toThrow('forbidden');
  });
});
