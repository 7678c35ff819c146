import type { Command } from 'commander';
import { z } from 'zod';
import { expectShape, type ApiClient } from '../api-client.ts';
import { usage } from '../failure.ts';
import type { Commands } from '../program.ts';
import { printable, type Terminal } from '../terminal.ts';
import { withClient } from '../with-client.ts';
import { queryOf, withFilters, type FilterOptions } from './audit-filters.ts';

const eventsPage = z.object({
  events: z.array(
    z.object({
      index: z.int(),
      at: z.string(),
      kind: z.string(),
      requestId: z.string(),
      leaf: z.string(),
      body: z.record(z.string(), z.json()),
    }),
  ),
  next: z.string().optional(),
});
type AuditEvent = z.infer<typeof eventsPage>['events'][number];
const PAGE = 500;

export function addAuditEvents(commands: Commands, audit: Command): void {
  const { terminal, action } = commands;
  withFilters(audit.command('events'))
    .description('who was shown a document, what a person’s prompts were shown, what a source reached, what changed an ACL')
    .option('--kind <kinds>', 'kinds of events, separated by commas; document.* for a group')
    .option('--limit <n>', 'how many at most, oldest first', '100')
    .option('--all', 'every one there is')
    .action(
      action(async (json, command) => {
        const options = command.opts<FilterOptions & { limit: string; all?: true }>();
        const limit = options.all === true ? Number.POSITIVE_INFINITY : Number(options.limit);
        if (!(limit >= 1)) throw usage('--limit needs a number');
        const more = await withClient(commands, (client) =>
          eachEvent(client, options, limit, (event) => (json ? terminal.out(JSON.stringify(event)) : printEvent(terminal, event))),
        );
        if (more) terminal.err('there may be more: --limit, or --all');
        return 0;
      }),
    );
}

async function eachEvent(client: ApiClient, options: FilterOptions, limit: number, show: (event: AuditEvent) => void): Promise<boolean> {
  let [left, cursor]: [number, string | undefined] = [limit, undefined];
  do {
    const query = queryOf(options, { cursor, limit: String(Math.min(left, PAGE)) });
    const page = expectShape(eventsPage, await client.call('GET', `/v1/audit/events${query}`));
    for (const event of page.events) show(event);
    left -= page.events.length;
    cursor = page.next;
  } while (cursor !== undefined && left > 0);
  return cursor !== undefined;
}

function printEvent({ out, colors }: Terminal, { index, at, kind, requestId, body }: AuditEvent): void {
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  const who = text(body['by']) ?? text(body['user']) ?? text(body['client']) ?? '-';
  const through = text(body['through']) ?? text(body['client']) ?? '';
  const chunks = Array.isArray(body['chunks']) ? (body['chunks'] as readonly Record<string, unknown>[]) : [body];
  const things = new Set(chunks.flatMap((one) => [text(one['source']), text(one['document'])].filter(Boolean).join('/') || []));
  out(`${String(index).padStart(8)}  ${at}  ${colors.bold(kind.padEnd(18))} ${printable(who)} through ${printable(through)}`);
  out(`${' '.repeat(10)}request ${printable(requestId)}${things.size === 0 ? '' : `  ${printable([...things].join(', '))}`}`);
}
