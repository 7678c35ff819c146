// A process to be killed: appends without end, eight at a time, with new names and texts all along, erases a person now and then, and
// prints each index once it is acknowledged. With a write point it kills itself right after that statement.
import { setImmediate as pause } from 'node:timers/promises';
import { createAudit } from '../../src/audit/audit.ts';
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import type { Principal } from '../../src/core/principal.ts';
import { openDatabase, type DatabaseConfig } from '../../src/database/open-database.ts';
import { ACME, changeOf, PATIENT, releaseOf, textOf } from './audit-events.ts';
import { afterStatements, type WritePoint } from './write-points.ts';

const config = JSON.parse(process.argv[2] ?? '') as DatabaseConfig;
const point = (process.argv[3] ?? 'any') as WritePoint | 'any';
/** So many are acknowledged before it dies at its point. */
const FIRST = 20;
let acknowledged = 0;

if (point !== 'any') {
  afterStatements((statement) => {
    if (acknowledged >= FIRST && statement.startsWith(point)) process.kill(process.pid, 'SIGKILL');
  });
}
// Should nobody kill it, and its point never come.
setTimeout(() => process.exit(1), 100_000).unref();
const audit = createAudit({ database: await openDatabase(config), telemetry: silentTelemetry, limits: PATIENT });

async function appendForever(worker: number): Promise<void> {
  for (let n = 0; ; n += 1) {
    const requestId = `w${worker}-${n}`;
    const who = `user:test|w${worker}-${Math.floor(n / 5)}` as Principal;
    const texts = [textOf(`w${worker} text ${n % 3}`, `doc-${n % 7}`), textOf(`text ${n}`)];
    const { index } = await audit.append(releaseOf(requestId, who, texts));
    acknowledged += 1;
    process.stdout.write(`${index} ${requestId}\n`);
    await pause();
    if (n % 5 !== 4) continue;
    await audit.erase(ACME, { kind: 'caller', principal: who }, 'now and then', changeOf(`e-${requestId}`));
    await audit.erase(ACME, { ...documentOf(texts[0]) }, 'now and then', changeOf(`e-${requestId}`));
  }
}

function documentOf(text: ReturnType<typeof textOf> | undefined) {
  if (text === undefined) throw new Error('no text');
  return { kind: 'content', source: text.source, document: text.document } as const;
}

await Promise.all(Array.from({ length: 8 }, (_, worker) => appendForever(worker)));
