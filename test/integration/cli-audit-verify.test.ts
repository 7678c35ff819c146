import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatVerifierKey } from '../../src/core/tlog/note-keys.ts';
import { auditLines, logKey, makeLog } from '../support/exported-log.ts';
import { sluice } from '../support/command.ts';

const ORIGIN = 'audit.example/sluice/7f3a';
const key = logKey(ORIGIN);
const directory = mkdtempSync(join(tmpdir(), 'cli-verify-'));
const file = (name: string): string => join(directory, name);

beforeAll(async () => {
  const log = makeLog(await auditLines('acme', 300), { origin: ORIGIN, tenant: 'acme', key, signedAt: [120, 300] });
  const exported = await log.export(0, 300);
  writeFileSync(file('log.jsonl'), exported);
  writeFileSync(file('part.jsonl'), await log.export(20, 120));
  const hashes = (await log.consistency(120, 300)).map((hash) => Buffer.from(hash).toString('hex'));
  writeFileSync(file('proof.json'), JSON.stringify({ from: 120, to: 300, hashes }));
  writeFileSync(file('log.jsonl.gz'), gzipSync(exported));
  writeFileSync(file('cut.jsonl.gz'), gzipSync(exported).subarray(0, 9_000));
  writeFileSync(file('bad.jsonl'), exported.replace(/"purpose":"search"/, '"purpose":"sEarch"'));
  writeFileSync(file('log.checkpoint'), log.note(300));
  writeFileSync(file('log.vkey'), `${formatVerifierKey(key.verifier)}\n`);
  const x = Buffer.from(key.verifier.publicKey).toString('base64url');
  writeFileSync(file('jwks.json'), JSON.stringify({ keys: [{ kty: 'OKP', crv: 'Ed25519', x }] }));
  writeFileSync(file('other.vkey'), formatVerifierKey(logKey(ORIGIN).verifier));
});
afterAll(() => rmSync(directory, { recursive: true, maxRetries: 5 }));

const args = (name: string, keyed = file('log.vkey')): readonly string[] => [
  'audit',
  'verify',
  file(name),
  '--checkpoint',
  file('log.checkpoint'),
  '--key',
  keyed,
];

describe('sluice audit verify <export>', () => {
  test('a good one is good: plain, packed, with each form of key, and with all checks', async () => {
    for (const name of ['log.jsonl', 'log.jsonl.gz']) {
      for (const keyed of [file('log.vkey'), file('jwks.json'), formatVerifierKey(key.verifier)]) {
        const ended = await sluice(args(name, keyed));
        expect(ended).toMatchObject({ code: 0, err: '' });
        expect(ended.out).toContain('good  300 events, [0, 300); the checkpoint covers 300');
        expect(ended.out).toContain(`log ${ORIGIN} of tenant acme; 2 signed checkpoints`);
      }
    }
    const whole = await sluice([...args('log.jsonl'), '--complete', '--canonical', '--json']);
    expect(whole.code).toBe(0);
    expect(whole.json()).toMatchObject({ ok: true, findings: [], events: 300, checkpoints: 2, mapsUpTo: 300 });
  });

  test('a part is told to be one, and needs a proof to a checkpoint that lies outside it', async () => {
    expect((await sluice(args('part.jsonl'))).out).toContain('nothing leads from this export to the checkpoint given, of size 300');
    const ended = await sluice([...args('part.jsonl'), '--consistency', file('proof.json')]);
    expect(ended).toMatchObject({ code: 0, err: '' });
    expect(ended.out).toContain('good  100 events, [20, 120); the checkpoint covers 300');
    expect(ended.out).toContain('events from 120 on are not in this export');
    expect(ended.out).toContain('events before 20 are not in this export');
  });

  test('a bad one is not, and the place is named', async () => {
    const ended = await sluice(args('bad.jsonl'));
    expect(ended.code).toBe(1);
    expect(ended.out).toMatch(/^wrong {2}event 0 on line 3 was changed\n$/);
    expect((await sluice([...args('bad.jsonl'), '--json'])).json()).toMatchObject({ ok: false, findings: [{ kind: 'changed', index: 0 }] });
    const cut = await sluice(args('cut.jsonl.gz'));
    expect(cut.code).toBe(1);
    expect(cut.out).toMatch(/the export ends before its last line, at event \d+/);
    const stranger = await sluice(args('log.jsonl', file('other.vkey')));
    expect(stranger.code).toBe(1);
    expect(stranger.out).toContain('the checkpoint given is signed by none of the keys given');
  });

  test('what cannot be used as it was written is a matter of usage', async () => {
    for (const wrong of [
      ['audit', 'verify', file('log.jsonl')],
      ['audit', 'verify', file('log.jsonl'), '--checkpoint', file('log.checkpoint')],
      ['audit', 'verify', '--checkpoint', file('log.checkpoint'), '--key', file('log.vkey')],
      ['audit', 'verify', '--complete'],
      [...args('log.jsonl'), '--tenant', 'acme'],
      args('not-there.jsonl'),
      [...args('log.jsonl'), '--consistency', file('log.vkey')],
      args('log.jsonl', file('not-there.vkey')),
      args('log.jsonl', file('log.checkpoint')),
      ['audit', 'verify', file('log.jsonl'), '--checkpoint', file('log.vkey'), '--key', file('log.vkey')],
    ]) {
      expect([wrong, (await sluice(wrong)).code]).toEqual([wrong, 2]);
    }
  });

  test('reads standard input, packed or not', async () => {
    for (const name of ['log.jsonl', 'log.jsonl.gz']) {
      const [, , , ...options] = args(name);
      const child = spawn(process.execPath, [join(import.meta.dirname, '../../bin/sluice.js'), 'audit', 'verify', '-', ...options], {
        stdio: ['pipe', 'ignore', 'ignore'],
      });
      child.stdin.end(readFileSync(file(name)));
      expect(await new Promise((resolve) => void child.once('close', resolve))).toBe(0);
    }
  });
});
