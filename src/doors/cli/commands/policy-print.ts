import { z } from 'zod';
import { printable, type Terminal } from '../terminal.ts';

const count = z.int();
const changes = { gained: count, lost: count, unclear: count };
const named = z.array(z.object({ source: z.string(), document: z.string() }));

export const diffShape = z.object({
  revision: z.string(),
  against: z.string(),
  documents: count,
  principals: z.object({ compared: count, affected: count, membershipsUnknown: count }),
  sources: z.array(z.object({ source: z.string(), ...changes, principals: count })),
  moreSources: count,
  changes: z.array(
    z.object({
      principal: z.string(),
      memberships: z.string(),
      ...changes,
      examples: z.object({ gained: named, lost: named, unclear: named }),
    }),
  ),
  next: z.string().optional(),
});

const label = z.object({ level: z.string(), compartments: z.array(z.string()), trust: z.string() });

export const blastRadiusShape = z.object({
  at: z.string(),
  user: z.string().nullable(),
  client: z.string(),
  memberships: z.object({ from: z.string() }),
  revision: z.string(),
  sight: z.enum(['tenant', 'some']),
  documents: count,
  readable: count,
  unknown: count,
  sources: z.array(z.object({ source: z.string(), documents: count, readable: count, unknown: count })),
  labels: z.array(z.object({ label, readable: count, unknown: count })),
  more: z.object({ sources: count, labels: count }),
  examples: z.array(z.object({ source: z.string(), document: z.string(), label, unknown: z.boolean().optional() })),
  next: z.string().optional(),
});

const both = { gains: count, loses: count };

export const shadowShape = z.object({
  revision: z.string(),
  running: z.boolean(),
  from: z.string(),
  to: z.string().optional(),
  decisions: z.record(z.string(), count),
  zones: z.array(z.object({ zone: count, source: z.string().optional(), level: z.string().optional(), ...both })),
  principals: z.array(z.object({ principal: z.string(), ...both })),
  lines: z.array(z.object({ revision: z.string(), line: count, text: z.string().optional(), ...both })),
  more: z.object({ zones: count, principals: count, lines: count }),
});

type Diff = z.infer<typeof diffShape>;
type Named = z.infer<typeof named>;

function sumsText({ gained, lost, unclear }: Pick<Diff['changes'][number], 'gained' | 'lost' | 'unclear'>): string {
  return `+${gained} -${lost}${unclear === 0 ? '' : ` ?${unclear}`}`;
}

export function printDiff({ out, colors }: Terminal, diff: Diff): void {
  const { principals, documents } = diff;
  out(`${diff.against} → ${diff.revision}, ${documents} documents, ${principals.affected} of ${principals.compared} principals affected`);
  if (principals.membershipsUnknown > 0) {
    out(`${principals.membershipsUnknown} people whose groups live in tokens: what depends on those is counted as unclear (?)`);
  }
  for (const one of diff.sources) out(`  ${printable(one.source)}: ${sumsText(one)} documents, ${one.principals} principals`);
  if (diff.moreSources > 0) out(`  and ${diff.moreSources} sources more`);
  const list = (sign: string, examples: Named): void => {
    for (const { source, document } of examples) out(`    ${sign} ${printable(source)}/${printable(document)}`);
  };
  for (const one of diff.changes) {
    out(`${colors.bold(printable(one.principal))}  ${sumsText(one)}${one.memberships === 'unknown' ? '  (groups not known)' : ''}`);
    list(colors.green('+'), one.examples.gained);
    list(colors.red('-'), one.examples.lost);
    list('?', one.examples.unclear);
  }
  if (diff.next !== undefined) out(`more with --after ${JSON.stringify(diff.next)}`);
}

const labelText = ({ level, compartments, trust }: z.infer<typeof label>): string => `${[level, ...compartments].join('+')}, ${trust}`;

export function printBlastRadius({ out, colors }: Terminal, found: z.infer<typeof blastRadiusShape>): void {
  const sure = (readable: number, unknown: number): string => `${readable}${unknown === 0 ? '' : ` (and ${unknown} that are not known)`}`;
  out(`${printable(found.user ?? 'nobody')} through ${printable(found.client)} at ${found.at}, policy revision ${found.revision}`);
  const seen = found.sight === 'tenant' ? 'documents' : 'documents of the sources you may audit';
  out(colors.bold(`can read ${sure(found.readable, found.unknown)} of ${found.documents} ${seen}`));
  if (found.memberships.from === 'unknown') out('their groups live in tokens and are not known; give them with --group or --no-group');
  out('');
  for (const { label: of, readable, unknown } of found.labels) out(`  ${labelText(of).padEnd(40)} ${sure(readable, unknown)}`);
  out('');
  for (const { source, documents, readable, unknown } of found.sources) {
    if (readable + unknown > 0) out(`  ${printable(source).padEnd(40)} ${sure(readable, unknown)} of ${documents}`);
  }
  if (found.more.sources + found.more.labels > 0) out(`  and ${found.more.sources} sources and ${found.more.labels} labels more`);
  out('');
  for (const one of found.examples) {
    out(
      `  ${labelText(one.label).padEnd(40)} ${printable(one.source)}/${printable(one.document)}${one.unknown === true ? ' (not known)' : ''}`,
    );
  }
  if (found.next !== undefined) out(`more with --after ${found.next}`);
}

export function printShadow({ out, colors }: Terminal, report: z.infer<typeof shadowShape>): void {
  const { revision, running, from, to, decisions, zones, principals, lines, more } = report;
  out(`${revision} ${running ? colors.green('runs in shadow') : 'ran in shadow'} from ${from}${to === undefined ? '' : ` to ${to}`}`);
  const order = ['same', 'gains', 'loses', 'differs', 'failed', 'dropped'];
  out(order.flatMap((name) => (decisions[name] === undefined ? [] : [`${name} ${decisions[name]}`])).join(', ') || 'no request yet');
  const sums = ({ gains, loses }: { readonly gains: number; readonly loses: number }): string => `+${gains} -${loses}`;
  for (const one of lines)
    out(`  ${sums(one).padEnd(14)} ${one.revision} line ${one.line}${one.text === undefined ? '' : `: ${printable(one.text)}`}`);
  for (const one of zones)
    out(`  ${sums(one).padEnd(14)} zone ${one.zone}${one.source === undefined ? '' : ` of ${printable(one.source)}, ${one.level ?? ''}`}`);
  for (const one of principals) out(`  ${sums(one).padEnd(14)} ${printable(one.principal)}`);
  const left = more.zones + more.principals + more.lines;
  if (left > 0) out(`  and ${more.lines} lines, ${more.zones} zones, ${more.principals} principals more`);
}
