import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startSluice } from '../support/command.ts';

const ROOT = join(import.meta.dirname, '../..');
const SCENES = ['people', 'applications', 'relabelled', 'revoked', 'poisoned', 'trace', 'audit'];

interface Line {
  readonly event: string;
  readonly scene?: string;
  readonly checks?: readonly { readonly what: string; readonly ok: boolean }[];
}

/** Each demo's own, or what another one has there at the moment would pass for something left behind. */
let temporary = '';
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'demo-test-'));
});
afterEach(() => rmSync(temporary, { recursive: true, maxRetries: 5 }));
const leftovers = (): readonly string[] => readdirSync(temporary).filter((name) => name.startsWith('sluice-demo-'));

test('npm run demo -- --json: each scene holds, and the last line says so', async () => {
  const env = { ...process.env, TMPDIR: temporary };
  const child = spawn('npm', ['run', '--silent', 'demo', '--', '--json'], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'inherit'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  const [code] = (await once(child, 'close')) as [number];
  const lines = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  const scenes = lines.filter(({ event }) => event === 'scene');
  expect(scenes.map(({ scene }) => scene)).toEqual(SCENES);
  for (const { checks } of scenes) expect(checks?.length).toBeGreaterThan(1);
  expect(scenes.flatMap(({ checks }) => (checks ?? []).filter(({ ok }) => !ok))).toEqual([]);
  expect(lines.at(-1)).toMatchObject({ event: 'done', ok: true, scenes: SCENES.length });
  expect(code).toBe(0);
  expect(leftovers()).toEqual([]);
});

test('a reader who leaves in the middle leaves nothing behind', async () => {
  const demo = startSluice(['demo'], { TMPDIR: temporary });
  await demo.line(/One question/);
  expect(leftovers()).toHaveLength(1);
  demo.child.stdout?.destroy();
  const [code] = (await once(demo.child, 'exit')) as [number | null];
  expect(code).toBe(0);
  expect(leftovers()).toEqual([]);
});

test('for people: no colours into a pipe, nothing wider than a terminal; --serve answers until it is stopped', async () => {
  const demo = startSluice(['demo', '--serve'], { TMPDIR: temporary });
  const [, url = ''] = await demo.line(/keeps running at (http:\S+)/);
  await demo.line(/All \d+ checks held/);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  demo.child.kill('SIGTERM');
  const { code, out } = await demo.ended;
  expect(code).toBe(0);
  expect(out).not.toContain('\u001b');
  expect(out.split('\n').filter((line) => line.length > 100 && !line.includes('curl') && !line.includes('authorization'))).toEqual([]);
});
