import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { AppError } from '../../core/errors.ts';
import { lockDirectory } from './directory-lock.ts';

describe('two directories', () => {
  it('may work on two', () => {
    const [a, b] = [join(temporaryDirectory(), 'x'), join(temporaryDirectory(), 'x')];
    for (const path of [a, b]) mkdirSync(path);
    const locks = [lockDirectory(a), lockDirectory(b)];
    expect(() => lockDirectory(a)).toThrow(AppError);
    locks[0]?.release();
    lockDirectory(a).release();
    locks[1]?.release();
    locks[1]?.release();
  });
});
