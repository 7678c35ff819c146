import { expect, it } from 'vitest';
import type { TenantId } from '../core/ids.ts';
import type { AuditTail, StoredAuditEvent } from '../core/ports/audit.ts';
import { silentTelemetry } from '../core/ports/telemetry.ts';
import type { Principal } from '../core/principal.ts';
import { createSubjects } from './watch-subjects.ts';
import { createTail, LOOK_BACK } from './watch-tail.ts';
import { distinctCount } from './watch-window.ts';

const ACME = 'acme' as TenantId;
const GLOBEX = 'globex' as TenantId;

function release(tenant: TenantId, index: number, user: string): StoredAuditEvent {
  const body = { user: `user:test|${user}`, client: 'client:test|app', chunks: [{ source: 's', document: `d${index}` }] };
  return { tenant, kind: 'release', requestId: 'r', body, index, leaf: '', at: '2026-01-05T00:00:00Z' };
}

it('says once that a log cannot be read, reads those of others meanwhile, and takes it up where it stopped', async () => {
  const logs = new Map([
    [ACME, Array.from({ length: LOOK_BACK + 700 }, (_, index) => release(ACME, index, index < 700 ? 'old' : 'ada'))],
    [GLOBEX, [release(GLOBEX, 0, 'gus')]],
  ]);
  let broken = true;
  const asked: number[] = [];
  const audit: AuditTail = {
    sizes: async () => new Map([...logs].map(([tenant, log]) => [tenant, log.length])),
    async between(tenant, from, to) {
      if (tenant === ACME) asked.push(from);
      if (tenant === ACME && broken && from > 5_000) throw new Error('away');
      return (logs.get(tenant) ?? []).slice(from, to);
    },
  };
  const warnings: string[] = [];
  const log = { ...silentTelemetry.log, warn: (_fields: object, message: string) => void warnings.push(message) };
  const subjects = createSubjects();
  const tail = createTail({
    audit,
    subjects,
    telemetry: { ...silentTelemetry, log },
    hashOf: (_tenant, _source, document) => Number(document.slice(1)),
  });
  await tail.poll();
  await tail.poll();
  expect(warnings).toHaveLength(1);
  expect(subjects.knows(GLOBEX, 'user:test|gus')).toBe(true);
  expect(subjects.knows(ACME, 'user:test|ada')).toBe(true);
  broken = false;
  await tail.poll();
  expect(subjects.knows(ACME, 'user:test|old')).toBe(false);
  expect(subjects.knows(GLOBEX, 'user:test|ada')).toBe(false);
  expect(asked[0]).toBe(700);
  expect(asked.at(-1)).toBe(LOOK_BACK + 700 - 500);
  expect(new Set(asked).size).toBe(LOOK_BACK / 500);
});

const AT = Date.parse('2026-01-05T00:00:00Z');
const ADA = 'user:test|ada' as Principal;

/** One log, and a replica that counts what it releases itself as it leaves. */
function replica() {
  const log: StoredAuditEvent[] = [];
  const read: number[] = [];
  const subjects = createSubjects();
  const audit: AuditTail = {
    sizes: async () => new Map([[ACME, log.length]]),
    async between(_tenant, from, to, kinds, except) {
      const found = log.slice(from, to).filter(({ kind, index }) => kinds.includes(kind) && except?.has(index) !== true);
      read.push(...found.map(({ index }) => index));
      return found;
    },
  };
  const tail = createTail({
    audit,
    subjects,
    telemetry: silentTelemetry,
    hashOf: (_tenant, _source, document) => Number(document.slice(1)),
  });
  return {
    ...tail,
    read,
    elsewhere: () => void log.push(release(ACME, log.length, 'ada')),
    here() {
      const index = log.length;
      log.push(release(ACME, index, 'ada'));
      subjects.record(subjects.touch(ACME, 'user', ADA), [index], AT);
      tail.counted(ACME, index);
    },
    letGo: () => void log.push({ ...release(ACME, log.length, 'ada'), kind: 'watch.lifted', body: { subject: ADA } }),
    documents: () => distinctCount(subjects.touch(ACME, 'user', ADA).week, AT),
  };
}

it('reads what other replicas released, and not what this one counted as it left', async () => {
  const { poll, here, elsewhere, read, documents } = replica();
  here();
  elsewhere();
  here();
  await poll();
  expect(read).toEqual([1]);
  expect(documents()).toBe(3);
  here();
  await poll();
  expect(read).toEqual([1]);
  expect(documents()).toBe(4);
});

it('counts what was read after somebody was let go and nothing from before, whoever released it', async () => {
  const { poll, here, elsewhere, letGo, documents } = replica();
  here();
  elsewhere();
  letGo();
  here();
  elsewhere();
  await poll();
  expect(documents()).toBe(2);
});

it('counts what left here while it read of somebody who was let go', async () => {
  const { poll, here, letGo, documents } = replica();
  letGo();
  const polled = poll();
  here();
  await polled;
  here();
  await poll();
  expect(documents()).toBe(2);
});
