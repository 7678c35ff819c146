import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TenantId } from '../../src/core/ids.ts';
import { openNote, noteVerifier } from '../../src/core/tlog/note-keys.ts';
import { verifyConsistency, verifyInclusion } from '../../src/core/tlog/proofs.ts';
import { parseTreeHead } from '../../src/core/tlog/checkpoint.ts';
import { parseNote } from '../../src/core/tlog/note.ts';
import { acceptLocalRollback } from '../../src/service/local-commands.ts';
import { startTestService, type TestService } from '../support/service.ts';

const ACME = 'acme' as TenantId;
const POLICY = 'p, role:reader, acme, *, administer, *, *, *, allow\n';

describe('checkpoints of a running service', () => {
  let running: TestService;

  const start = (dataDir?: string): Promise<TestService> =>
    startTestService({
      policy: POLICY,
      tenants: ['acme'],
      ...(dataDir === undefined ? {} : { dataDir, issuer: running.issuer }),
      options: { limits: { evidence: { tickMs: 50, leaseMs: 3_000 } } },
    });
  const append = (requestId: string) => running.service.stores.audit.append({ tenant: ACME, kind: 'audit.read', requestId, body: {} });
  const bytes = (hex: string | undefined): Buffer => Buffer.from(hex ?? '', 'hex');

  beforeAll(async () => {
    running = await start();
  });
  afterAll(() => running.stop());

  it('are signed by the key that is published, contain each event, and continue one another', async () => {
    const { auditor: evidence, stores } = running.service;
    await append('one');
    const first = await evidence.checkpoint(ACME, true);
    for (let n = 0; n < 20; n += 1) await append(`more-${n}`);
    const second = await evidence.checkpoint(ACME, true);
    if (first === undefined || second === undefined) throw new Error('no checkpoint');
    expect(second.size).toBe((await stores.audit.sizes()).get(ACME));
    const origin = parseTreeHead(parseNote(second.note)?.text ?? '')?.origin ?? '';
    expect(origin).toMatch(/^sluice\.local\/sluice\/[0-9a-f]{32}$/);
    expect(second.note).not.toContain('acme');
    const keys = await stores.catalog.signingKeys();
    const opened = openNote(second.note, [noteVerifier(origin, keys[0]?.publicKey ?? new Uint8Array())]);
    expect(opened.kind).toBe('signed');
    const proof = await evidence.consistency(ACME, first.size, second.size);
    const trees = [first, second].map(({ size, root }) => ({ size, root: bytes(root) })) as [
      { size: number; root: Buffer },
      { size: number; root: Buffer },
    ];
    expect(verifyConsistency(...trees, (proof ?? []).map(bytes))).toBe(true);
    const [event] = await stores.audit.byRequest(ACME, 'more-3');
    const inclusion = await evidence.inclusion(ACME, event?.index ?? 0, second.size);
    expect(inclusion?.leaf).toBe(event?.leaf);
    expect(verifyInclusion(bytes(event?.leaf), event?.index ?? 0, trees[1], (inclusion?.path ?? []).map(bytes))).toBe(true);
    expect(verifyInclusion(bytes(event?.leaf), (event?.index ?? 0) + 1, trees[1], (inclusion?.path ?? []).map(bytes))).toBe(false);
    expect(await evidence.inclusion(ACME, second.size, second.size + 1)).toBeUndefined();
    expect(await evidence.checkpointAt(ACME, second.size - 1)).toMatchObject({ size: first.size });
    expect((await evidence.tile(ACME, 0, 0, second.size))?.length).toBe(second.size * 32);
    expect(await evidence.tile(ACME, 0, 0, second.size + 1)).toBeUndefined();
  });

  it('lie outside the database, and a database that is older does not start', async () => {
    const { dataDir } = running;
    const database = join(dataDir, 'sluice.sqlite');
    const outside = join(dataDir, 'checkpoints');
    await running.stop({ keep: true });
    copyFileSync(database, `${database}.backup`);
    running = await start(dataDir);
    await append('after the backup');
    const newest = await running.service.auditor.checkpoint(ACME, true);
    const [file = ''] = readdirSync(outside).filter((name) => name.endsWith('.jsonl'));
    const given = (): string => readFileSync(join(outside, file), 'utf8').trim().split('\n').at(-1) ?? '';
    await expect.poll(() => (JSON.parse(given()) as { size: number }).size).toBe(newest?.size);
    await running.stop({ keep: true });

    copyFileSync(database, `${database}.newest`);
    copyFileSync(`${database}.backup`, database);
    for (const ending of ['-wal', '-shm']) rmSync(`${database}${ending}`, { force: true });
    await expect(start(dataDir)).rejects.toThrow(/acme has \d+ events, but .* holds a checkpoint of \d+.*accept-rollback/s);

    // Whoever has no newer copy goes on under another name, with the break written down.
    const local = { dataDir, policyDir: join(dataDir, 'policies'), database: { kind: 'sqlite' as const, path: database } };
    const accepted = await acceptLocalRollback(local, { tenant: 'acme', reason: 'the disk is lost' });
    running = await start(dataDir);
    const after = await running.service.auditor.checkpoint(ACME, true);
    expect(after?.note.startsWith(`${accepted.origin}\n`)).toBe(true);
    expect(accepted.origin).not.toBe(accepted.former);
    const [event] = await running.service.stores.audit.between(ACME, accepted.size, accepted.size + 1, ['log.break-accepted']);
    expect(event?.body).toMatchObject({ former: accepted.former, origin: accepted.origin, reason: 'the disk is lost' });
    await running.stop({ keep: true });

    // The newest copy is what the first name goes on from; the other one's file tells of a log that this copy does not know.
    rmSync(join(outside, `${accepted.origin.split('/').at(-1) ?? ''}.jsonl`));
    copyFileSync(`${database}.newest`, database);
    for (const ending of ['-wal', '-shm']) rmSync(`${database}${ending}`, { force: true });
    running = await start(dataDir);
    expect(await running.service.auditor.checkpoint(ACME, false)).toEqual(newest);
  });

  it('are refused where the file outside names a log that the database does not know', async () => {
    const { dataDir } = running;
    const stranger = join(dataDir, 'checkpoints', `${'0'.repeat(32)}.jsonl`);
    await running.stop({ keep: true });
    writeFileSync(stranger, '');
    await expect(start(dataDir)).rejects.toThrow(/does not know/);
    rmSync(stranger);
    running = await start(dataDir);
  });
});
