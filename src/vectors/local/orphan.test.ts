import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { silentTelemetry } from '../../core/ports/telemetry.ts';
import { reapOrphan } from './orphan.ts';
import { identifyProcess, isSameProcess } from './process-identity.ts';

const { log } = silentTelemetry;
describe('reapOrphan', () => {
  it('a process that merely has the recorded pid is left alone', async () => {
    const where = temporaryDirectory();
    const bystander = spawn('sleep', ['1000']);
    onTestFinished(() => void bystander.kill('SIGKILL'));
    const known = identifyProcess(bystander.pid ?? 0);
    if (known === undefined) throw new Error('sleep did not start');
    const others = [{ ...known, started: 'another boot/1' }, { ...known, executable: '/usr/bin/qdrant' }, { pid: known.pid }, 'rubbish'];
    for (const record of others) {
      writeFileSync(join(where, 'process.json'), JSON.stringify(record));
      expect(await reapOrphan(where, log, 500)).toBe(false);
      expect(isSameProcess(known)).toBe(true);
    }
    writeFileSync(join(where, 'process.json'), JSON.stringify(known));
    expect(await reapOrphan(where, log, 500)).toBe(true);
    expect(isSameProcess(known)).toBe(false);
  });

  it('one that does not heed SIGTERM is killed', async () => {
    const where = temporaryDirectory();
    const stubborn = spawn('sh', ['-c', 'trap "" TERM; echo up; while :; do sleep 0.1; done'], { stdio: ['ignore', 'pipe', 'ignore'] });
    onTestFinished(() => void stubborn.kill('SIGKILL'));
    await once(stubborn.stdout, 'data');
    writeFileSync(join(where, 'process.json'), JSON.stringify(identifyProcess(stubborn.pid ?? 0)));
    expect(await reapOrphan(where, log, 300)).toBe(true);
  });

  it('has nothing to do where nothing was recorded', async () => {
    expect(await reapOrphan(temporaryDirectory(), log, 300)).toBe(false);
  });
});

describe('the identity of a process', () => {
  it.each(['linux', 'darwin'] as const)('is found as on %s, and only while it runs', async (platform) => {
    const child = spawn('sleep', ['1000']);
    const known = identifyProcess(child.pid ?? 0, platform);
    if (known === undefined) throw new Error('not found');
    expect(isSameProcess(known, platform)).toBe(true);
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
    expect(isSameProcess(known, platform)).toBe(false);
    for (const pid of [0, 1, -1, 1.5, Number.NaN]) expect(identifyProcess(pid, platform)).toBeUndefined();
  });
});
