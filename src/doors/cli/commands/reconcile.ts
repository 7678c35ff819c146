import { setTimeout as sleep } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import { z } from 'zod';
import { createApiClient, expectShape, type ApiClient } from '../api-client.ts';
import type { Commands } from '../program.ts';
import type { Terminal } from '../terminal.ts';

const counts = z.object({ missing: z.int(), extra: z.int(), stale: z.int() });
const reconciliation = z.object({
  id: z.string(),
  check: z.boolean(),
  state: z.string(),
  chunks: z.int(),
  total: z.int(),
  found: counts,
  mended: counts,
  lost: z.record(z.string(), z.int()),
});
type Reconciliation = z.infer<typeof reconciliation>;

const ASK_EVERY_MS = 250;

export function addReconcile({ program, house, terminal, action }: Commands): void {
  program
    .command('reconcile')
    .description('compare the index with the catalog and mend what differs; needs the right to administer')
    .option('--check', 'only say what differs; exit code 1 where something does')
    .action(
      action(async (json, command) => {
        const check = command.opts<{ check?: true }>().check === true;
        const client = createApiClient(house.clientSettings());
        try {
          const ended = await follow(client, check, json ? undefined : terminal);
          if (json) terminal.out(JSON.stringify(ended));
          else print(terminal, ended);
          const left = sum(ended.found) - sum(ended.mended);
          return ended.state === 'done' && left === 0 ? 0 : 1;
        } finally {
          await client.close();
        }
      }),
    );
}

/** Begins it and asks until it has ended. */
async function follow(client: ApiClient, check: boolean, terminal: Terminal | undefined): Promise<Reconciliation> {
  let run = expectShape(reconciliation, await client.call('POST', '/v1/reconciliations', { check }));
  const bar = terminal?.watched === true ? startBar(run) : undefined;
  try {
    while (run.state === 'running') {
      await sleep(ASK_EVERY_MS);
      run = expectShape(reconciliation, await client.call('GET', `/v1/reconciliations/${encodeURIComponent(run.id)}`));
      bar?.setTotal(Math.max(run.total, 1));
      bar?.update(run.chunks);
    }
    return run;
  } finally {
    bar?.stop();
  }
}

function startBar({ total, chunks }: Reconciliation): SingleBar {
  const format = 'comparing {bar} {value}/{total} chunks · {eta_formatted}';
  const bar = new SingleBar({ format, stream: process.stderr, hideCursor: true, clearOnComplete: true, barsize: 32 });
  bar.start(Math.max(total, 1), chunks);
  return bar;
}

function sum({ missing, extra, stale }: Reconciliation['found']): number {
  return missing + extra + stale;
}

function print({ out, colors }: Terminal, { check, state, chunks, found, mended, lost }: Reconciliation): void {
  if (state !== 'done') out(`${colors.red('stopped')} before the end; see the log of the service, and repeat it`);
  const drift = sum(found);
  out(drift === 0 ? `${chunks} chunks compared: the index holds what the catalog says` : `${chunks} chunks compared, ${drift} differ`);
  const names = { missing: 'points missing', extra: 'points of no chunk', stale: 'payloads out of date' } as const;
  for (const kind of ['missing', 'extra', 'stale'] as const) {
    if (found[kind] > 0) out(`  ${names[kind]}: ${found[kind]}${check ? '' : `, mended: ${mended[kind]}`}`);
  }
  for (const [name, points] of Object.entries(lost)) {
    out(`  ${colors.red(name)}: ${points} points are lost; its application has to write them again`);
  }
}
