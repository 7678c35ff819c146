import { z } from 'zod';
import { createApiClient, expectShape } from '../api-client.ts';
import type { Commands } from '../program.ts';
import { printable, type Terminal } from '../terminal.ts';
import { stageLines } from './trace-stages.ts';

const label = z.object({ level: z.string(), compartments: z.array(z.string()), trust: z.string() });
const chunk = z.object({ rank: z.int(), source: z.string(), document: z.string(), aclVersion: z.int(), rules: z.array(z.string()) });
const traceSchema = z.object({
  requestId: z.string(),
  events: z.array(z.object({ kind: z.string(), at: z.string(), index: z.int(), leaf: z.string(), body: z.record(z.string(), z.json()) })),
});
const releaseBody = z.object({
  user: z.string().nullable(),
  client: z.string(),
  purpose: z.string(),
  policyRevision: z.string(),
  /** Absent for those who may not audit everything it released. */
  counts: z.object({ candidates: z.int(), refused: z.int(), released: z.int() }).nullable(),
  label: label.nullable(),
  chunks: z.array(chunk),
});

export type Trace = z.infer<typeof traceSchema>;
export type Release = z.infer<typeof releaseBody>;

export function readTrace(answer: unknown): Trace {
  return expectShape(traceSchema, answer);
}

/** What one request released; undefined where it released nothing. */
export function releaseOf(trace: Trace): Release | undefined {
  const event = trace.events.find(({ kind }) => kind === 'release');
  return event === undefined ? undefined : expectShape(releaseBody, event.body);
}

export function addTrace({ program, house, terminal, action }: Commands): void {
  program
    .command('trace')
    .description('who asked, what was decided and released, without text; needs the right to audit')
    .argument('<request>', 'the id of the request')
    .action(
      action(async (json, command) => {
        const client = createApiClient(house.clientSettings());
        try {
          const trace = readTrace(await client.call('GET', `/v1/requests/${encodeURIComponent(command.args[0] ?? '')}`));
          if (json) terminal.out(JSON.stringify(trace));
          else printTrace(terminal, trace);
          return 0;
        } finally {
          await client.close();
        }
      }),
    );
}

function printTrace({ out, colors }: Terminal, trace: Trace): void {
  for (const { kind, at, index, leaf } of trace.events) {
    out(`${colors.bold(kind.padEnd(14))} ${at}  event ${index}  leaf ${leaf.slice(0, 16)}`);
  }
  const release = releaseOf(trace);
  if (release === undefined) return;
  const { user, client, purpose, policyRevision, counts, label, chunks } = release;
  out('');
  out(`asked by   ${printable(user ?? 'no person')} through ${printable(client)}, purpose ${purpose}`);
  out(`policy     revision ${policyRevision}`);
  if (counts !== null) out(`released   ${counts.released} of ${counts.candidates} hits, ${counts.refused} refused`);
  if (label !== null) out(`label      ${[label.level, ...label.compartments].join('+')}, ${label.trust}`);
  for (const { rank, source, document, aclVersion, rules } of chunks) {
    out(`${String(rank).padStart(4)}  ${printable(source)}/${printable(document)}  acl ${aclVersion}  ${rules.join(' ')}`);
  }
  for (const line of trace.events.flatMap(stageLines)) out(line);
}
