import { describe, expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import type { LosslessJson } from '../../core/points/raw-json.ts';
import { PROFILES } from '../../core/points/profiles.ts';
import { EVERYONE, type Principal } from '../../core/principal.ts';
import { accessFields, sameAccessFields } from './access-fields.ts';

const profile = PROFILES.langchain;
const NO_DEFAULT = { profile, defaultAcl: { kind: 'none' } } as const;
const DEFAULT = { profile, defaultAcl: { kind: 'acl', acl: { gates: [[EVERYONE]], deny: ['user:i|eve' as Principal] } } } as const;
const read = (metadata: Record<string, LosslessJson>) => accessFields({ metadata }, NO_DEFAULT);

describe('the ACL of a point', () => {
  it('is a body as everywhere, or a list of principals', () => {
    expect(read({ acl: ['everyone'] }).acl).toEqual({ allow: ['everyone'] });
    expect(read({ acl: [] }).acl).toEqual({ allow: [] });
    expect(read({ acl: { allow: ['user:a'], deny: ['user:b'] } }).acl).toEqual({ allow: ['user:a'], deny: ['user:b'] });
    const timed = { principal: 'user:a', until: '2030-01-01T00:00:00Z' };
    expect(read({ acl: { gates: [[timed], ['group:x']] } }).acl).toMatchObject({ gates: [[timed], ['group:x']] });
  });

  it('is the default of the collection where the payload has none, and nobody’s where there is no default', () => {
    expect(accessFields({}, DEFAULT).acl).toEqual({ gates: [['everyone']], deny: ['user:i|eve'] });
    expect(accessFields({ metadata: { acl: null } }, DEFAULT).acl).toEqual({ gates: [['everyone']], deny: ['user:i|eve'] });
    expect(accessFields({}, NO_DEFAULT).acl).toBeUndefined();
  });

  it.each<LosslessJson>([
    'everyone',
    7,
    {},
    { allow: ['a'], gates: [['a']] },
    { deny: ['a'] },
    { allow: 'a' },
    { allow: [1] },
    { allow: ['a'], Deny: ['b'] },
    { allow: ['a'], deny: null },
    { gates: ['a'] },
    { allow: [{ principal: 'a', until: 'tomorrow' }] },
    { allow: [{ principal: 'a', untill: '2030-01-01T00:00:00Z' }] },
    ['x'.repeat(513)],
  ])('%j is refused whole: a deny that is not understood would fail open', (acl) => {
    expect(() => read({ acl })).toThrow(expect.objectContaining({ code: 'invalid_acl' }));
  });
});

describe('the label of a point', () => {
  it('stands in the fields of the profile', () => {
    expect(read({ level: 'internal', compartments: ['hr'], trust: 'external' })).toMatchObject({
      level: 'internal',
      compartments: ['hr'],
      trust: 'external',
    });
    expect(read({})).toMatchObject({ level: undefined, compartments: undefined, trust: undefined });
  });

  it.each<Record<string, LosslessJson>>([{ level: 3 }, { compartments: 'hr' }, { compartments: [1] }, { trust: 'total' }])(
    '%j is refused',
    (fields) => {
      expect(() => read(fields)).toThrow(AppError);
    },
  );
});

describe('a change of payload', () => {
  it('is one of access where any of these fields differs', () => {
    const before = { content: 'x', metadata: { acl: ['everyone'], level: 'internal' } };
    expect(sameAccessFields(before, { content: 'y', metadata: { acl: ['everyone'], level: 'internal', seen: true } }, profile)).toBe(true);
    expect(sameAccessFields(before, { content: 'x', metadata: { acl: ['user:a'], level: 'internal' } }, profile)).toBe(false);
    expect(sameAccessFields(before, { content: 'x', metadata: { acl: ['everyone'] } }, profile)).toBe(false);
  });
});
