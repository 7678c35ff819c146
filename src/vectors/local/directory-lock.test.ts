import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { AppError } from '../../core/errors.ts';
import { lockDirectory } from './directory-lock.ts';

const cleanups: (() => unknown)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).toReversed()) cleanup();
});

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'sluice-local-'));
  cleanups.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

describe('two directories', () => {
  it('may work on two', () => {
    const [a, b] = [join(directory(), 'x'), join(directory(), 'x')];
    for (const path of [a, b]) mkdirSync(path);
    const locks = [lockDirectory(a), lockDirectory(b)];
    expect(() => lockDirectory(a)).toThrow(AppError);
    locks[0]?.release();
    lockDirectory(a).release();
    locks[1]?.release();
    locks[1]?.release();
  });
});
