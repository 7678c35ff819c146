import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const files = globSync(['{src,connectors}/**/*.{test,fixture}.ts', 'test/**/*.ts'], { cwd: root }).filter(
  (file) => join(root, file) !== import.meta.filename,
);
/** Milliseconds: longer than a machine may stall that runs the tests beside everything else. */
const SHORTEST = 15_000;

/** The calls of these functions in a text, with their arguments. */
function callsOf(source: string, names: RegExp): readonly string[] {
  return [...source.matchAll(names)].map(({ index, 0: name }) => {
    let open = 0;
    for (let at = index + name.length - 1; at < source.length; at += 1) {
      if (source[at] === '(') open += 1;
      if (source[at] === ')') open -= 1;
      if (open === 0) return source.slice(index, at + 1);
    }
    return source.slice(index);
  });
}

function milliseconds(call: string): number | undefined {
  const [, written] = /\btimeout: ([\d_]+)/.exec(call) ?? [];
  return written === undefined ? undefined : Number(written.replaceAll('_', ''));
}

/** Waits that give up sooner; `vi`'s own give up after a second where nothing is said, and no configuration changes that. */
function hasty(source: string): readonly string[] {
  const polls = callsOf(source, /\.poll\(/g).filter((call) => (milliseconds(call) ?? SHORTEST) < SHORTEST);
  const waits = callsOf(source, /\bvi\s*\.wait(?:For|Until)\(/g).filter((call) => (milliseconds(call) ?? 0) < SHORTEST);
  return [...polls, ...waits];
}

test('no test gives up waiting because the machine is busy', () => {
  expect(files.length).toBeGreaterThan(300);
  const found = files.flatMap((file) => hasty(readFileSync(join(root, file), 'utf8')).map((call) => `${file}: ${call.slice(0, 120)}`));
  expect(found).toEqual([]);
});

test.each([
  [`await expect.poll(read).toBe(1);`, 0],
  [`await expect.poll(() => read(), { timeout: 60_000 }).toBe(1);`, 0],
  [`await expect\n  .poll(() => read(),\n  { interval: 5, timeout: 5_000 })\n  .toBe(1);`, 1],
  [`await vi.waitFor(() => expect(read()).toBe(1), { timeout: 30_000 });`, 0],
  [`await vi.waitFor(() => expect(read()).toBe(1));`, 1],
  [`await vi.waitUntil(() => read(), { timeout: 1_000 });`, 1],
])('a hasty wait is seen: %s', (source, count) => {
  expect(hasty(source)).toHaveLength(count);
});
