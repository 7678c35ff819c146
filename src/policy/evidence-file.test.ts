import { describe, expect, test } from 'vitest';
import { needsSecondPerson } from '../core/evidence-policy.ts';
import type { TenantId } from '../core/ids.ts';
import { labelScheme, type Label } from '../core/label.ts';
import { parseEvidencePolicy } from './evidence-file.ts';

const SCHEME = labelScheme(['public', 'internal', 'confidential', 'restricted']);
const ACME = 'acme' as TenantId;
const OTHER = 'other' as TenantId;
const at = (level: string): Label => ({ level: level as Label['level'], compartments: [], trust: 'internal' });
const levelsWithTwo = (text: string | undefined, tenant = ACME): readonly string[] => {
  const policy = parseEvidencePolicy(text, SCHEME);
  return SCHEME.levels.filter((level) => needsSecondPerson(policy, SCHEME, tenant, at(level)));
};

describe('evidence.yaml', () => {
  test.each([
    [undefined, ['confidential', 'restricted']],
    ['replay: { secondPersonFrom: restricted }', ['restricted']],
    ['replay: { secondPersonFrom: always }', [...SCHEME.levels]],
    ['replay: { secondPersonFrom: never }', []],
  ])('%s', (text, expected) => {
    expect(levelsWithTwo(text)).toEqual(expected);
  });

  test('a tenant may have its own, and an answer without a label needs nobody unless every one does', () => {
    const text = 'replay: { secondPersonFrom: never }\ntenants: { acme: { replay: { secondPersonFrom: always } } }';
    expect(levelsWithTwo(text)).toEqual([...SCHEME.levels]);
    expect(levelsWithTwo(text, OTHER)).toEqual([]);
    expect(needsSecondPerson(parseEvidencePolicy(undefined, SCHEME), SCHEME, ACME, undefined)).toBe(false);
    expect(needsSecondPerson(parseEvidencePolicy(text, SCHEME), SCHEME, ACME, undefined)).toBe(true);
  });

  test('a deployment with one level has its second person from there', () => {
    const one = labelScheme(['all']);
    expect(needsSecondPerson(parseEvidencePolicy(undefined, one), one, ACME, at('all'))).toBe(true);
  });

  test.each([
    ['replay: { secondPersonFrom: top-secret }', /labels\.json/],
    ['replay: { secondPersonFrom: never, more: 1 }', /more/],
    ['replay: {}', /secondPersonFrom/],
    ['{}', /replay/],
    ['tenants: { "A B": { replay: { secondPersonFrom: never } } }\nreplay: { secondPersonFrom: never }', /tenant/],
    ['replay: { secondPersonFrom: never }\nreplay: { secondPersonFrom: always }', /not YAML/],
    ['a: &a 1\nb: *a', /not YAML/],
  ])('is refused: %s', (text, message) => {
    expect(() => parseEvidencePolicy(text, SCHEME)).toThrow(message);
  });
});
