import { describe, expect, it } from 'vitest';
import { parsePolicyCsv } from './parse-csv.ts';

const GOOD = 'p, role:people-team, acme, people-*, retrieve, upto:internal, *, *, allow';

describe('parsePolicyCsv', () => {
  it('reads rules, roles, blank lines and comments, with the number of each line', () => {
    const text = `# heading\n\n${GOOD}\n   # indented, with "quotes", commas\n  g , group:dev|hr,role:people-team , acme\n`;
    expect(parsePolicyCsv(text)).toEqual({
      lines: [
        { type: 'p', line: 3, columns: ['role:people-team', 'acme', 'people-*', 'retrieve', 'upto:internal', '*', '*', 'allow'] },
        { type: 'g', line: 5, columns: ['group:dev|hr', 'role:people-team', 'acme'] },
      ],
      problems: [],
    });
  });

  it('reads an empty file as no lines', () => {
    expect(parsePolicyCsv('')).toEqual({ lines: [], problems: [] });
  });

  // Each of these is read as something else, or as nothing, by a lenient reader: a deny goes missing, an allow appears.
  const traps: readonly (readonly [string, string, RegExp])[] = [
    ['an inline comment', `${GOOD} # the team`, /line of its own/],
    ['a comment glued to the effect', `${GOOD}#x`, /line of its own/],
    ['P in upper case', GOOD.replace(/^p/, 'P'), /starts with p/],
    ['p2', GOOD.replace(/^p/, 'p2'), /starts with p/],
    ['g2', 'g2, group:dev|hr, role:x, acme', /starts with p/],
    ['an extra column', `${GOOD}, x`, /takes 8 columns .* has 9/],
    ['a trailing comma', `${GOOD},`, /takes 8 columns .* has 9/],
    ['a missing effect', GOOD.replace(', allow', ''), /takes 8 columns .* has 7/],
    ['an empty effect', GOOD.replace(' allow', ''), /"eft" is empty/],
    ['an empty who', GOOD.replace('role:people-team', ''), /"who" is empty/],
    ['an empty tenant', GOOD.replace('acme', ''), /"tenant" is empty/],
    ['g without a tenant', 'g, group:dev|hr, role:people-team', /takes 3 columns .* has 2/],
    ['g with one column too many', 'g, group:dev|hr, role:people-team, acme, x', /takes 3 columns/],
    ['quotes', GOOD.replace('acme', '"acme"'), /quotes/],
    ['a quoted line break', `p, "role:a\nb", acme`, /quotes/],
    ['CR LF', `${GOOD}\r`, /CR LF/],
    ['a carriage return inside', GOOD.replace('acme', 'ac\rme'), /invisible/],
    ['a tab', GOOD.replace(', ', ',\t'), /invisible/],
    ['NUL', GOOD.replace('acme', 'acme\0'), /invisible/],
    ['a zero-width space', GOOD.replace('allow', 'al\u200blow'), /invisible/],
    ['a right-to-left override in a comment', '# \u202e yned', /invisible/],
    ['a line separator', `# note\u2028${GOOD}`, /invisible/],
    ['a soft hyphen', GOOD.replace('retrieve', 're\u00adtrieve'), /invisible/],
    ['an unpaired surrogate', GOOD.replace('acme', 'acme\ud800'), /UTF-8/],
    ['bytes that were not UTF-8', GOOD.replace('acme', 'acme\ufffd'), /UTF-8/],
  ];

  it.each(traps)('refuses %s, keeps the lines around it, and says where', (_name, line, message) => {
    const { lines, problems } = parsePolicyCsv(`${GOOD}\n${line}\n${GOOD}`);
    expect(problems[0]).toMatchObject({ line: 2, message: expect.stringMatching(message) as string });
    expect(lines.filter((one) => one.columns[0] === 'role:people-team' && one.columns.length === 8)).toHaveLength(2);
  });

  it('refuses a byte order mark, which would hide the first line from a reader that looks for "p"', () => {
    expect(parsePolicyCsv(`\uFEFF${GOOD}`)).toEqual({
      lines: [],
      problems: [{ line: 1, message: expect.stringMatching(/byte order mark/) as string }],
    });
  });

  it('does not drown in its own messages', () => {
    expect(parsePolicyCsv('x\n'.repeat(5_000)).problems).toHaveLength(100);
  });
});
