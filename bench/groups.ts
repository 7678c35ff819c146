import { randomUUID } from 'node:crypto';
import { Pool } from 'undici';
import { clientToken, directoryIssuer, directoryPolicy, loadDocuments, scimClient } from '../test/support/directory.ts';
import { startTestService, type TestService } from '../test/support/service.ts';
import { median, ms, quantile, table } from './support/table.ts';

const SIZES = [1, 10, 100, 1_000, 10_000];
const DOCUMENTS = 300;
const QUESTIONS = 300;
const WARM_UP = 30;

/** Half of the groups that an ACL names are held by everybody asked, whatever else they hold. */
const named = (index: number): string => `group:test|g-${index % 20}`;

/**
 * `npm run bench:groups`: `POST /v1/retrieve` over HTTP for people in 1 to 10,000 groups of the directory, asked in turn in one run:
 * the first question of each (nothing cached), and the ones after it. Everybody finds the same number of chunks.
 */
async function main(): Promise<void> {
  const issuer = await directoryIssuer(['acme']);
  const service = await startTestService({ policy: policy(), tenants: ['acme'], issuer });
  const pool = new Pool(service.url, { connections: 1 });
  try {
    await people(service);
    await loadDocuments(
      service,
      Object.fromEntries(Array.from({ length: DOCUMENTS }, (_, i) => [`d-${i}`, { allow: [named(i), 'everyone'] }])),
    );
    const tokens = await Promise.all(SIZES.map((size) => service.token({ sub: `p-${size}`, groups: undefined })));
    const first: number[] = [];
    for (const token of tokens) first.push(await ask(pool, token));
    const times = SIZES.map((): number[] => []);
    for (let round = 0; round < QUESTIONS; round++) {
      for (const [position, token] of tokens.entries()) {
        const spent = await ask(pool, token);
        if (round >= WARM_UP) times[position]?.push(spent);
      }
    }
    const one = median(times[0] ?? []);
    const rows = SIZES.map((size, position) => {
      const all = times[position] ?? [];
      const ratio = (median(all) / one).toFixed(2);
      return [size.toLocaleString('en'), ms(first[position] ?? NaN), ms(median(all)), ms(quantile(all, 0.99)), ratio];
    });
    console.log(table(['groups', 'first question', 'p50', 'p99', 'p50 against one group'], rows));
  } finally {
    await pool.close();
    await service.stop();
    await issuer.stop();
  }
}

/** Lines for some groups, so that a caller of many has much to be judged by. */
function policy(): string {
  const lines = Array.from({ length: 200 }, (_, i) => `p, group:test|g-${i * 50}, acme, *, retrieve, upto:restricted, *, *, allow`);
  return [directoryPolicy('acme'), ...lines].join('\n');
}

/** Straight into the tables: through HTTP it would take a minute and measure nothing. */
async function people(service: TestService): Promise<void> {
  const scim = scimClient(service, await clientToken(service, 'scim'));
  const ids = new Map<number, string>();
  for (const size of SIZES) ids.set(size, await scim.user(`p-${size}`));
  await service.service.stores.database.transaction(async (tx) => {
    for (let start = 0; start < Math.max(...SIZES); start += 100) {
      const groups = Array.from({ length: 100 }, (_, i) => ({ id: randomUUID() as string, number: start + i, name: `g-${start + i}` }));
      const own = { tenant: 'acme', issuer: 'test', revision: 1, members: 1, created_at: 0, updated_at: 0 };
      const rows = groups.map(({ id, name }) => ({
        ...own,
        id,
        principal: `group:test|${name}`,
        title: name,
        title_key: name,
        external_id: name,
      }));
      await tx.insertInto('directory_groups').values(rows).execute();
      for (const [size, member_id] of ids) {
        const held = groups.filter(({ number }) => number < size);
        const memberships = held.map(({ id }) => ({ tenant: 'acme', group_id: id, member_id, recorded_from: 0, recorded_to: null }));
        if (memberships.length > 0) await tx.insertInto('memberships').values(memberships).execute();
      }
    }
  });
}

/** Milliseconds of one question, its body read. */
async function ask(pool: Pool, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const started = performance.now();
  const answer = await pool.request({
    method: 'POST',
    path: '/v1/retrieve',
    headers,
    body: '{"query":"how deep is the harbour","limit":8}',
  });
  const text = await answer.body.text();
  const spent = performance.now() - started;
  if (answer.statusCode !== 200 || !text.includes('"rank":8')) throw new Error(`${answer.statusCode} ${text.slice(0, 300)}`);
  return spent;
}

await main();
