import type { Command } from 'commander';
import { z } from 'zod';
import { expectShape, type ApiClient } from '../api-client.ts';
import type { Commands } from '../program.ts';
import { printable, type Terminal } from '../terminal.ts';
import { withClient } from '../with-client.ts';
import { queryOf, withFilters, type FilterOptions } from './audit-filters.ts';

const label = z.object({ level: z.string(), compartments: z.array(z.string()), trust: z.string() }).nullable();
const summaryPage = z.object({
  releases: z.int(),
  chunks: z.int(),
  answers: z.array(z.object({ label, releases: z.int() })),
  sources: z.array(z.object({ source: z.string(), declared: label, chunks: z.int(), releases: z.int() })),
  next: z.string().optional(),
});
type Summary = Omit<z.infer<typeof summaryPage>, 'next'>;

export function addAuditSummary(commands: Commands, audit: Command): void {
  const { terminal, action } = commands;
  withFilters(audit.command('summary'))
    .description('what was released, counted by label and by source: what an application received')
    .action(
      action(async (json, command) => {
        const total = await withClient(commands, (client) => summed(client, command.opts<FilterOptions>(), json ? undefined : terminal));
        if (json) terminal.out(JSON.stringify(total));
        else printSummary(terminal, total);
        return 0;
      }),
    );
}

async function summed(client: ApiClient, options: FilterOptions, terminal: Terminal | undefined): Promise<Summary> {
  let total: Summary = { releases: 0, chunks: 0, answers: [], sources: [] };
  let cursor: string | undefined;
  do {
    const page = expectShape(summaryPage, await client.call('GET', `/v1/audit/summary${queryOf(options, { cursor })}`));
    total = {
      releases: total.releases + page.releases,
      chunks: total.chunks + page.chunks,
      answers: merged([...total.answers, ...page.answers], ({ label: of }) => JSON.stringify(of)),
      sources: merged([...total.sources, ...page.sources], ({ source, declared }) => JSON.stringify([source, declared])),
    };
    cursor = page.next;
    if (terminal?.watched === true && cursor !== undefined) terminal.err(`${total.releases} releases counted …`);
  } while (cursor !== undefined);
  return total;
}

function merged<T extends { readonly releases: number; readonly chunks?: number }>(rows: readonly T[], keyOf: (row: T) => string): T[] {
  const sums = new Map<string, T>();
  for (const row of rows) {
    const known = sums.get(keyOf(row));
    const chunks = row.chunks === undefined ? {} : { chunks: row.chunks + (known?.chunks ?? 0) };
    sums.set(keyOf(row), { ...row, ...chunks, releases: row.releases + (known?.releases ?? 0) });
  }
  return [...sums.values()].sort((a, b) => b.releases - a.releases);
}

function printSummary({ out, colors }: Terminal, { releases, chunks, answers, sources }: Summary): void {
  const said = (of: z.infer<typeof label>): string => (of === null ? '-' : `${[of.level, ...of.compartments].join('+')}, ${of.trust}`);
  out(`${releases} releases, ${chunks} chunks`);
  if (answers.length > 0) out(colors.bold('joint label of the answer'));
  for (const row of answers) out(`  ${printable(said(row.label)).padEnd(40)} ${row.releases} releases`);
  if (sources.length > 0) out(colors.bold('source and label of the document'));
  for (const row of sources) {
    out(`  ${printable(`${row.source}: ${said(row.declared)}`).padEnd(40)} ${row.chunks} chunks in ${row.releases} releases`);
  }
}
