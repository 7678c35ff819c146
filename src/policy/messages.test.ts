import { describe, expect, it } from 'vitest';
import type { PolicyLine } from '../core/policy-lines.ts';
import { checkLines } from './check-lines.ts';
import { parsePolicyCsv } from './parse-csv.ts';
import { purposes, scheme } from './world.fixture.ts';

const RULE = ['role:a', 'acme', 'hr', 'retrieve', 'upto:internal', '*', '*', 'allow'];
const [WHO, TENANT, SOURCE, ACT, LABEL, TRUST, PURPOSE, EFT] = [0, 1, 2, 3, 4, 5, 6, 7];
const rule = (...changes: readonly (readonly [number, string])[]) => changes.reduce((row, [at, text]) => row.with(at, text), RULE);
const deny = (...changes: readonly (readonly [number, string])[]) => rule([EFT, 'deny'], [LABEL, '*'], ...changes);
const administer = (...changes: readonly (readonly [number, string])[]) =>
  rule([ACT, 'administer'], [SOURCE, '*'], [LABEL, '*'], ...changes);

const WHO_TEXT = '"who" must be user:<issuer>|<id>, group:…, client:…, everyone, everyone-except-guests or role:<name>';
const LEVELS = 'levels: public, internal, confidential, restricted';
const TRUSTS = 'trust: external, internal, trusted';

/** What the author of a policy reads, word by word: they have nothing else to go by. */
describe('what is said of a line that may not be activated', () => {
  const said = (type: 'p' | 'g', columns: readonly string[]) => {
    const line: PolicyLine = { type, columns, line: 7 };
    return checkLines({ scheme, purposes: [...purposes] }, 'acme', [line]).map((problem) => {
      expect(problem.line).toBe(7);
      return problem.message;
    });
  };

  it.each([
    [rule([WHO, 'hr']), WHO_TEXT],
    [rule([WHO, 'xrole:a']), WHO_TEXT],
    [rule([WHO, 'role:a/']), WHO_TEXT],
    [rule([WHO, `role:${'a'.repeat(129)}`]), WHO_TEXT],
    [rule([TENANT, '*']), 'the tenant must be one tenant by name; there is no wildcard'],
    [rule([TENANT, 'other']), 'the line is for another tenant; this policy is of "acme"'],
    [rule([SOURCE, 'h*r']), 'the source must be a source id, or the start of one with a single * at its end'],
    [rule([SOURCE, '']), 'the source must be a source id, or the start of one with a single * at its end'],
    [rule([ACT, 'read']), 'the action must be one of: retrieve, ingest, label, request, approve, audit, replay, administer, operate'],
    [rule([LABEL, '*']), '"retrieve" needs a ceiling: upto:<level> with +<compartment> for each one it is cleared for'],
    [rule([LABEL, 'from:public']), `the label of an allow line is upto:<level>[+<compartment>…]; ${LEVELS}`],
    [deny([LABEL, 'upto:public']), `the label of a deny line is *, from:<level>, any:<compartment>[+…], or both joined by |; ${LEVELS}`],
    [rule([TRUST, 'high']), `the trust of an allow line is * or min:<trust> (as:<trust> only for ingest); ${TRUSTS}`],
    [rule([TRUST, 'as:internal']), `the trust of an allow line is * or min:<trust> (as:<trust> only for ingest); ${TRUSTS}`],
    [
      rule([ACT, 'ingest'], [TRUST, 'min:internal']),
      `the trust of an ingest line is * or as:<trust>, the highest its writer may give; ${TRUSTS}`,
    ],
    [deny([TRUST, 'min:internal']), `the trust of a deny line is * or max:<trust>; ${TRUSTS}`],
    [deny([PURPOSE, 'audit']), 'the purpose of a deny line must be *'],
    [rule([PURPOSE, 'sales']), 'the purpose must be * or one of: answer, support, audit'],
    [rule([EFT, 'permit']), 'the last column must be allow or deny'],
    [administer([SOURCE, 'hr']), '"administer" is decided for the tenant as a whole; write * as the source'],
    [administer([LABEL, 'upto:public']), '"administer" reads no label; write * as the label'],
    [administer([TRUST, 'min:internal']), '"administer" reads no trust; write * as the trust'],
    [administer([TRUST, 'max:internal'], [EFT, 'deny']), '"administer" reads no trust; write * as the trust'],
    [administer([ACT, 'operate'], [TRUST, 'high']), '"operate" reads no trust; write * as the trust'],
    [RULE.slice(1), 'a p line takes 8 columns and a g line 3; write each one'],
  ])('%j', (columns, message) => {
    expect(said('p', RULE)).toEqual([]);
    expect(said('p', columns)).toEqual([message]);
  });

  it.each([
    [['hr', 'role:a', 'acme'], WHO_TEXT],
    [['group:idp|a', 'group:idp|b', 'acme'], 'the second column of g must be role:<name>'],
    [['group:idp|a', 'role:a', 'Acme'], 'the tenant must be one tenant by name; there is no wildcard'],
    [['role:a', 'role:a', 'acme'], 'this role is held, through other lines, by itself; remove one line of the circle'],
    [['group:idp|a', 'role:a'], 'a p line takes 8 columns and a g line 3; write each one'],
    [['group:idp|a', 'role:a', 'acme', 'x'], 'a p line takes 8 columns and a g line 3; write each one'],
  ])('%j', (columns, message) => {
    expect(said('g', ['group:idp|a', 'role:a', 'acme'])).toEqual([]);
    expect(said('g', columns)).toEqual([message]);
  });

  it('takes names as long as they may be, and role names of one letter', () => {
    for (const name of ['role:x', `role:${'a'.repeat(128)}`]) expect(said('p', rule([WHO, name]))).toEqual([]);
    expect(said('p', rule([SOURCE, '*'])).concat(said('p', deny([ACT, 'ingest'], [TRUST, 'max:internal'])))).toEqual([]);
  });

  it('says everything that is wrong with a line, and with lines in their order', () => {
    expect(said('p', rule([WHO, 'hr'], [TENANT, '*'], [SOURCE, '**'], [LABEL, 'x'], [TRUST, 'x'], [PURPOSE, 'x']))).toHaveLength(6);
    expect(said('p', rule([WHO, 'hr'], [ACT, 'read'], [EFT, 'x']))).toHaveLength(3);
    // What a label may say depends on the action, so of an unknown one nothing more is said.
    expect(said('p', rule([ACT, 'read'], [LABEL, '*'], [SOURCE, '**']))).toHaveLength(1);
    const lines = [
      { type: 'g', columns: ['role:b', 'role:b', 'acme'], line: 9 },
      { type: 'p', columns: rule([LABEL, '*']), line: 3 },
      { type: 'g', columns: ['role:a', 'role:a', 'acme'], line: 5 },
      { type: 'p', columns: rule([LABEL, '*']), line: 12 },
    ] as const;
    expect(checkLines({ scheme, purposes: [...purposes] }, 'acme', lines).map(({ line }) => line)).toEqual([3, 5, 9, 12]);
  });
});

describe('what is said of a file that cannot be read', () => {
  const GOOD = `p, ${RULE.join(', ')}`;

  it.each([
    [`${GOOD}\r`, 'the line ends in CR LF; save the file with LF line ends'],
    [GOOD.replace('acme', 'acme\ud800'), 'the line is not valid UTF-8; save the file as UTF-8'],
    [GOOD.replace('acme', 'ac\tme'), 'the line holds a control character or an invisible one (tabs included); retype it'],
    [`${GOOD} # why`, 'a comment must have a line of its own; move what follows the # to a line that starts with #'],
    [GOOD.replace('acme', '"acme"'), 'quotes are not part of the language; write the value bare'],
    ['P, x', 'a line starts with p (a rule) or g (a role given to somebody), in lower case'],
    ['p, x', '"p" takes 8 columns (who, tenant, source, act, label, trust, purpose, eft) and this line has 1; write each one'],
    ['g, x, y', '"g" takes 3 columns (member, role, tenant) and this line has 2; write each one'],
    [GOOD.replace('acme', ' '), 'column "tenant" is empty; write a value, or * where any is meant'],
    ['g, group:idp|a, , acme', 'column "role" is empty; write a value'],
  ])('%j', (line, message) => {
    expect(parsePolicyCsv(`${GOOD}\n${line}`).problems).toEqual([{ line: 2, message }]);
  });

  it('names a byte order mark', () => {
    const message = 'the file starts with a byte order mark; save it as UTF-8 without one';
    expect(parsePolicyCsv(`\uFEFF${GOOD}`)).toEqual({ lines: [], problems: [{ line: 1, message }] });
  });

  it('reads what is no ASCII and can be seen, and any number of spaces around a column', () => {
    const { lines, problems } = parsePolicyCsv(`# Grüße, 你好\n   p ,  role:é,acme   ,hr,retrieve,upto:internal,*,*,   allow   \n   `);
    expect(problems).toEqual([]);
    expect(lines).toEqual([{ type: 'p', line: 2, columns: ['role:é', 'acme', 'hr', 'retrieve', 'upto:internal', '*', '*', 'allow'] }]);
  });
});
