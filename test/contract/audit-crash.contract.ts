import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { EMPTY_HEAD, leafHash, nextHead } from '../../src/audit/leaf.ts';
import type { DatabaseConfig } from '../../src/database/open-database.ts';
import { ACME, ADA, event, releaseOf, textOf } from '../support/audit-events.ts';
import type { AuditWorld } from '../support/audit-fixture.ts';
import { WRITE_POINTS, type WritePoint } from '../support/write-points.ts';

const SCRIPT = fileURLToPath(new URL('../support/append-loop.ts', import.meta.url));

/** What a process killed by SIGKILL leaves: all that it acknowledged, and nothing by halves. */
export function describeCrashes(get: () => AuditWorld): void {
  /** Lines the process printed before it was killed, by us after `enough` of them or by its own hand at the write point. */
  async function killed(config: DatabaseConfig, point: WritePoint | 'any', enough: number): Promise<readonly string[]> {
    const child = spawn(process.execPath, [SCRIPT, JSON.stringify(config), point], { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (lines.length === enough) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    expect(child.signalCode).toBe('SIGKILL');
    return lines;
  }

  /** Events of before pseudonyms about those whom the process erases: their bodies are emptied. */
  async function plainEvents(): Promise<void> {
    const rows = Array.from({ length: 48 }, (_, idx) => {
      const body = JSON.stringify({ user: `user:test|w${idx % 8}-${Math.floor(idx / 8)}` });
      const row = { tenant: ACME, idx, at: 1 + idx, kind: 'intent', request_id: `old${idx}`, body, salt: 'ab'.repeat(16), v: 1 };
      return { ...row, leaf: leafHash(row) };
    });
    const head = rows.reduce((before, { leaf }) => nextHead(before, leaf), EMPTY_HEAD);
    await get().database.transaction(async (tx) => {
      await tx.insertInto('audit_events').values(rows).execute();
      await tx.insertInto('audit_heads').values({ tenant: ACME, size: rows.length, head, at: 48, erasures: 0 }).execute();
    });
  }

  async function expectWhole(lines: readonly string[]): Promise<void> {
    const { audit } = get();
    const rows = await get().rows();
    for (const line of lines) {
      const [index, requestId] = line.split(' ');
      expect(rows[Number(index)]?.request_id).toBe(requestId);
    }
    for (const { idx, kind } of rows.filter((row) => row.kind === 'release')) {
      const opened = await audit.sealed(ACME, idx);
      const parts = [opened?.facts, opened?.answer, ...(opened?.texts ?? [])].map((part) => part?.kind);
      expect([kind, ...parts.filter((part) => part !== 'open' && part !== 'erased')]).toEqual([kind]);
    }
    expect(await audit.append(event('after'))).toMatchObject({ index: rows.length });
    expect(await audit.append(releaseOf('after', ADA, [textOf('w0 text 1')]))).toMatchObject({ index: rows.length + 1 });
    expect(await audit.sealed(ACME, rows.length + 1)).toMatchObject({ facts: { kind: 'open' }, texts: [{ kind: 'open' }] });
    expect(await audit.verifyChain(ACME)).toMatchObject({ kind: 'intact', size: rows.length + 2 });
  }

  describe('a process that is killed', () => {
    it('loses nothing that was acknowledged', async () => {
      const lines = await killed(get().config, 'any', 200);
      expect(lines.length).toBeGreaterThanOrEqual(200);
      await expectWhole(lines);
    });

    it.each(WRITE_POINTS)('at the write of %s leaves a log that verifies, opens and goes on', async (point) => {
      await plainEvents();
      const lines = await killed(get().config, point, Number.POSITIVE_INFINITY);
      expect(lines.length).toBeGreaterThan(0);
      await expectWhole(lines);
    });
  });
}
