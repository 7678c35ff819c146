import { describe, expect, it } from 'vitest';
import type { TenantId } from '../../../core/ids.ts';
import type { AuditDesk } from '../../../evidence/audit-desk.ts';
import type { DownloadRoute } from '../route.ts';
import { auditRoutes } from './audit.ts';

async function* parts(): AsyncGenerator<string, void> {
  yield 'a';
  yield 'b';
}

function exportRoute(): DownloadRoute {
  const desk = { exportAudit: () => Promise.resolve(parts()), filters: () => ({}) } as unknown as AuditDesk;
  const route = auditRoutes(desk).find(({ operationId }) => operationId === 'exportAudit');
  if (route?.kind !== 'download') throw new Error('no route of exports');
  return route;
}

/** Begins an export and reads its first part. */
async function begin(route: DownloadRoute, tenant: string): Promise<AsyncIterator<string>> {
  const context = { caller: { tenant: tenant as TenantId } };
  const call = { context, query: { format: 'csv' } } as unknown as Parameters<DownloadRoute['handle']>[0];
  const reading = (await route.handle(call)).parts[Symbol.asyncIterator]();
  await reading.next();
  return reading;
}

describe('exports at a time', () => {
  const refused = { code: 'rate_limited', retryAfter: 10 };

  it('are two of a tenant, so that one that reads slowly leaves room for others, and four of all', async () => {
    const route = exportRoute();
    const first = await begin(route, 'acme');
    await begin(route, 'acme');
    await expect(begin(route, 'acme')).rejects.toMatchObject(refused);
    await begin(route, 'globex');
    await begin(route, 'initech');
    await expect(begin(route, 'umbrella')).rejects.toMatchObject(refused);
    await first.return?.();
    await begin(route, 'umbrella');
  });

  it('are not used up by those that could not begin, or that nobody read', async () => {
    const route = exportRoute();
    const context = { caller: { tenant: 'acme' as TenantId } };
    const call = { context, query: { format: 'csv' } } as unknown as Parameters<DownloadRoute['handle']>[0];
    for (let at = 0; at < 5; at += 1) await route.handle(call);
    await expect(begin(route, 'acme')).resolves.toBeDefined();
  });
});
