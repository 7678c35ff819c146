import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const ROOT = new URL('../../src/', import.meta.url).href;
const SIZE = 2_000_000;

/** In a process of its own, which is ended where it does not end by itself: a pattern that backtracks holds up its thread for hours. */
async function inTime(code: string): Promise<string> {
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], { timeout: 100_000, killSignal: 'SIGKILL' });
  return stdout.trim();
}

test('a policy line of two million spaces is read at once, and its columns are still trimmed', async () => {
  const code = `
    const { parsePolicyCsv } = await import('${ROOT}policy/parse-csv.ts');
    const { lines, problems } = parsePolicyCsv('p' + ' '.repeat(${SIZE}) + 'x\\n  g ,  user:test|a ,role:b  , acme ');
    console.log(problems.map(({ line }) => line).join(), JSON.stringify(lines[0].columns));`;
  expect(await inTime(code)).toBe('1 ["user:test|a","role:b","acme"]');
});

test.each([
  ['alone', '<pre>', '</pre>', '"code","a'],
  ['in a list', '<ul><li><pre>', '</pre></ul>', '"list","- a'],
])('code with two million empty lines inside is read at once: %s', async (_name, before, after, start) => {
  const code = `
    const { parseHtml } = await import('${ROOT}ingestion/parse/html.ts');
    const page = '${before}\\n\\na' + '\\n'.repeat(${SIZE}) + 'b\\n\\n${after}';
    const { text, blocks } = parseHtml(page, { tag: 0, bidi: 0, zeroWidth: 0 });
    console.log(JSON.stringify([blocks[0].kind, text.slice(0, 3), text.slice(-1)]));`;
  const [kind, head, tail] = JSON.parse(await inTime(code)) as [string, string, string];
  expect(`"${kind}","${head.trimEnd()}`).toBe(start);
  expect(tail).toBe('b');
});

test('a SCIM patch of a thousand operations on a hundred thousand members is read at once, and in order', async () => {
  const code = `
    const { patchGroup } = await import('${ROOT}doors/http/scim/group-resource.ts');
    const add = (...ids) => ({ op: 'add', path: 'members', value: ids.map((value) => ({ value })) });
    const many = Array.from({ length: 100_000 }, (_, i) => 'id-' + i);
    const Operations = [add(...many), ...Array.from({ length: 998 }, (_, i) => add('x-' + i)), { op: 'remove', path: 'members[value eq "x-7"]' }];
    const update = patchGroup({ schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations });
    const { members } = update({ title: 't' });
    console.log(members.kind, members.add.size, members.remove.size, members.add.has('x-7'));`;
  expect(await inTime(code)).toBe('change 100997 1 false');
});

test.each([
  ['one passage over and over', `'a'.repeat(262144)`, `'a'.repeat(2000)`],
  ['brackets and numbers that are no citation', `'[1,'.repeat(87000)`, `'[1,'.repeat(600)`],
  ['characters that unfold into eighteen', `'\\ufdfa'.repeat(262144)`, `'\\ufdfa'.repeat(2000)`],
  ['hexadecimal digits without end', `'0123456789abcdef'.repeat(16384)`, `'%30'.repeat(600)`],
  ['passages that almost meet', `('a'.repeat(39) + 'b').repeat(6553)`, `'a'.repeat(2000)`],
])('the output of a model is compared with a hundred chunks at once: %s', async (_name, output, chunk) => {
  const code = `
    const { fold } = await import('${ROOT}evidence/fold.ts');
    const { findQuotes } = await import('${ROOT}evidence/find-quotes.ts');
    const { findMarkers } = await import('${ROOT}evidence/find-markers.ts');
    const { findCitations } = await import('${ROOT}evidence/find-citations.ts');
    const output = ${output};
    const texts = Array.from({ length: 100 }, () => fold(${chunk}));
    const markers = Array.from({ length: 10_000 }, (_, i) => (i * 7919).toString(16).padStart(8, '0').repeat(4));
    const quotes = await findQuotes(fold(output), texts, { atLeast: 40, atMost: 1000, seed: 0.5 });
    console.log(quotes.kind, findMarkers(output, markers).size, findCitations(output, [], 1000).kind);`;
  expect(await inTime(code)).toMatch(/^(quotes|too-many) \d+ citations$/);
});
