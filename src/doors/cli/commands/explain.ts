import type { Command } from 'commander';
import { z } from 'zod';
import { expectShape } from '../api-client.ts';
import { usage } from '../failure.ts';
import type { Commands } from '../program.ts';
import { printable, type Terminal } from '../terminal.ts';
import { withClient } from '../with-client.ts';
import { collect } from './label.ts';

const outcome = z.enum(['pass', 'refuse', 'unknown']);
const entries = z.array(z.object({ principal: z.string(), standing: z.string(), until: z.string().optional() }));
const line = z.object({
  line: z.int(),
  text: z.string().optional(),
  chain: z.array(z.object({ name: z.string(), line: z.int().optional() })).optional(),
  possible: z.boolean().optional(),
});
const stage = z.object({
  stage: z.string(),
  outcome,
  because: z.array(z.string()),
  gates: z.array(z.object({ outcome, entries: entries.optional() })).optional(),
  entries: entries.optional(),
  grant: z.object({ request: z.string(), until: z.string() }).optional(),
  lines: z.array(line).optional(),
  speaking: z.int().optional(),
});
const explanation = z.object({
  source: z.string(),
  document: z.string(),
  at: z.string(),
  past: z.boolean(),
  user: z.string().nullable(),
  client: z.string(),
  purpose: z.string(),
  memberships: z.object({ from: z.string(), groupCount: z.int(), guest: z.string() }),
  revision: z.string(),
  label: z.object({ level: z.string(), compartments: z.array(z.string()), trust: z.string() }),
  decision: outcome,
  stages: z.array(stage),
});
type Explanation = z.infer<typeof explanation>;
type Stage = z.infer<typeof stage>;
type Entry = z.infer<typeof entries>[number];

/** Whom a report is about, as options. */
export interface WhoOptions {
  readonly user?: string | false;
  readonly client?: string;
  readonly actor?: string;
  readonly group?: readonly string[] | false;
  readonly guest?: boolean;
  readonly purpose?: string;
}

/** `--group` may be repeated; `--no-group` says that they are in none, which is not the same as not knowing. */
export function whoBody({ user, client, actor, group, guest, purpose }: WhoOptions): Readonly<Record<string, unknown>> {
  const groups = group === false ? [] : group;
  const body = { user: user === false ? null : user, client, actor, groups, guest, purpose };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}

const WHO = [
  ['--user <principal>', 'about whom; who asks where absent'],
  ['--no-user', 'an application with nobody behind it'],
  ['--client <principal>', 'through which application'],
  ['--actor <principal>', 'acting for the user'],
  ['--no-group', 'the user is in no group'],
  ['--guest', 'the user is a guest'],
  ['--no-guest', 'the user is no guest'],
  ['--purpose <purpose>', 'for which purpose'],
] as const;

/** Options that say whom a report is about. Where a `--no-…` came first, its option would be set without being named. */
export function addWho(command: Command): void {
  command.option('--group <principal>', 'one of their groups; may be repeated', collect);
  for (const [flags, description] of WHO) command.option(flags, description);
}

export function addExplain(commands: Commands): void {
  const { program, terminal, action } = commands;
  const explain = program
    .command('explain')
    .description('why somebody gets a document or does not: which gate, which deny, which line of which revision')
    .argument('[source]')
    .argument('[document]')
    .option('--chunk <id>', 'a chunk in place of source and document');
  addWho(explain);
  explain.option('--at <time>', 'as it was then: ISO 8601 with an offset').action(
    action(async (json, command) => {
      const { chunk, at, ...who } = command.opts<WhoOptions & { chunk?: string; at?: string }>();
      const [source, document] = command.args;
      if ((chunk === undefined) === (document === undefined)) throw usage('name a source and a document, or --chunk');
      const named = chunk === undefined ? { document: { source, document } } : { chunk };
      const answer = await withClient(commands, (client) =>
        client.call('POST', '/v1/explain', { ...named, ...whoBody(who), ...(at === undefined ? {} : { at }) }),
      );
      const made = expectShape(explanation, answer);
      if (json) terminal.out(JSON.stringify(answer));
      else printExplanation(terminal, made);
      return made.decision === 'pass' ? 0 : 1;
    }),
  );
}

function printExplanation(terminal: Terminal, made: Explanation): void {
  const { out, colors } = terminal;
  const { source, document, user, client, purpose, memberships, label, revision, at, past, decision } = made;
  const said = { pass: colors.green('gets it'), refuse: colors.red('does not get it'), unknown: colors.yellow('not known') }[decision];
  out(`${printable(source)}/${printable(document)}  ${[label.level, ...label.compartments].join('+')}, ${label.trust}`);
  out(`${printable(user ?? 'nobody')} through ${printable(client)}, purpose ${purpose}`);
  out(`${past ? 'as it was at' : 'now,'} ${at}, policy revision ${revision}: ${colors.bold(said)}`);
  const guest = { guest: 'a guest', member: 'no guest', unknown: 'guest or not is not known' }[memberships.guest];
  out(`groups: ${groupsText(memberships.from, memberships.groupCount)}${guest === undefined ? '' : `; ${guest}`}`);
  out('');
  for (const one of made.stages) printStage(terminal, one);
}

function groupsText(from: string, count: number): string {
  switch (from) {
    case 'unknown':
      return 'not known, since they live in tokens; give them with --group or --no-group';
    case 'directory':
      return `${count} in the directory`;
    case 'token':
      return `${count} in the token`;
    case 'given':
      return `${count} given`;
    default:
      return 'none';
  }
}

function printStage(
  { out, colors }: Terminal,
  { stage: name, outcome: of, because, gates, entries: named, grant, lines, speaking }: Stage,
): void {
  const mark = { pass: colors.green('pass   '), refuse: colors.red('refuse '), unknown: colors.yellow('unknown') }[of];
  out(`${mark}  ${name.padEnd(13)}  ${because.map(printable).join('; ')}`.trimEnd());
  for (const [index, gate] of (gates ?? []).entries()) {
    for (const entry of gate.entries ?? []) out(`           gate ${index + 1}: ${entryText(entry)}`);
  }
  for (const entry of named ?? []) out(`           ${entryText(entry)}`);
  if (grant !== undefined) out(`           opened by access request ${grant.request} until ${grant.until}`);
  for (const { line: number, text, chain, possible } of lines ?? []) {
    out(`           line ${number}${text === undefined ? '' : `: ${printable(text)}`}${possible === true ? ' (if they hold it)' : ''}`);
    const way = (chain ?? []).map((link) => printable(link.name) + (link.line === undefined ? '' : ` (line ${link.line})`));
    if (way.length > 0) out(`             by ${way.join(' → ')}`);
  }
  const more = (speaking ?? 0) - (lines?.length ?? 0);
  if (more > 0) out(`           and ${more} lines more`);
}

function entryText({ principal, standing, until }: Entry): string {
  const text = { held: '', possible: ' (if they are in it)', ended: ' (ended)', 'to-come': ' (not yet)' }[standing] ?? '';
  return `${printable(principal)}${text}${until === undefined ? '' : `, until ${until}`}`;
}
