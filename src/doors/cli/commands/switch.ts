import { z } from 'zod';
import { createApiClient, expectShape, type ApiClient } from '../api-client.ts';
import { usage } from '../failure.ts';
import type { LocalSwitch } from '../house.ts';
import type { Commands } from '../program.ts';
import { reasonOf } from '../reason.ts';
import { printable, type Terminal } from '../terminal.ts';
import { eachPage } from '../with-client.ts';

const proposal = z.object({ by: z.string(), at: z.string(), until: z.string() });
const thrown = z.object({
  kind: z.string(),
  id: z.string().optional(),
  reason: z.string().optional(),
  by: z.string().optional(),
  at: z.string(),
  proposal: proposal.optional(),
});
const page = z.object({ switches: z.array(thrown), next: z.string().optional() });
const lift = z.object({
  state: z.enum(['lifted', 'proposed']),
  kind: z.string(),
  id: z.string().optional(),
  proposal: proposal.optional(),
});

export type Thrown = z.infer<typeof thrown>;
export type Lift = z.infer<typeof lift>;

const KINDS = ['document', 'source', 'client', 'user', 'tenant', 'all'] as const;
const WHAT = '<source>/<document>, a source, or a principal; none for tenant and all';

interface Options {
  readonly reason?: string;
  readonly withdraw?: true;
  readonly tenant?: string;
  readonly alone?: true;
}

function kindOf(text: string | undefined): (typeof KINDS)[number] {
  const kind = KINDS.find((one) => one === text);
  if (kind === undefined) throw usage(`say what to switch: ${KINDS.join(', ')}`);
  return kind;
}

type Body = (client: ApiClient, json: boolean, args: readonly string[], options: Options) => Promise<void>;
type WithClient = (body: Body) => (...args: unknown[]) => Promise<void>;

function addSwitchOn(command: Commands['program'], terminal: Terminal, withClient: WithClient): void {
  command
    .command('on')
    .description('switch on again; tenant and all take two people, the first of whom proposes')
    .argument('<kind>', KINDS.join(', '))
    .argument('[id]', WHAT)
    .option('--withdraw', 'take the proposal back instead')
    .action(
      withClient(async (client, json, [kind, id], { withdraw }) => {
        const query = new URLSearchParams({ kind: kindOf(kind), ...(id === undefined ? {} : { id }) }).toString();
        if (withdraw === true) {
          await client.call('DELETE', `/v1/switches/proposals?${query}`);
          terminal.out(json ? JSON.stringify({ state: 'withdrawn', kind }) : 'the proposal is withdrawn');
          return;
        }
        const answer = expectShape(lift, await client.call('DELETE', `/v1/switches?${query}`));
        terminal.out(json ? JSON.stringify(answer) : liftText(answer));
      }),
    );
}

/** Switches over the API, as the bearer of SLUICE_TOKEN. */
export function addSwitch({ program, house, terminal, action }: Commands): void {
  const command = program
    .command('switch')
    .description('switch off a document, a source, an application, a person, the tenant or everything');
  const withClient: WithClient = (body) =>
    action(async (json, command) => {
      const client = createApiClient(house.clientSettings());
      try {
        await body(client, json, command.args, command.opts<Options>());
        return 0;
      } finally {
        await client.close();
      }
    });

  command
    .command('off')
    .description('for every request from now on')
    .argument('<kind>', KINDS.join(', '))
    .argument('[id]', WHAT)
    .option('--reason <text>', 'why, in one line; required')
    .action(
      withClient(async (client, json, [kind, id], options) => {
        const body = { kind: kindOf(kind), ...(id === undefined ? {} : { id }), reason: reasonOf(options) };
        const made = expectShape(thrown, await client.call('POST', '/v1/switches', body));
        terminal.out(json ? JSON.stringify(made) : `${nameOf(made)} is off since ${made.at}`);
      }),
    );
  addSwitchOn(command, terminal, withClient);
  command
    .command('list')
    .description('what is off, as far as you may know of it')
    .action(
      withClient((client, json) => eachPage(client, '/v1/switches', page, ({ switches }) => printSwitches(terminal, switches, json))),
    );
}

/** The same on the machine itself, beside a running service or without one. */
export function addLocalSwitch({ house, terminal, action }: Commands, admin: Commands['program']): void {
  const command = admin.command('switch').description('switches on the machine itself, whatever policy says; audited');
  const local = (verb: LocalSwitch['verb']) =>
    action(async (json, line) => {
      const { args } = line;
      const { tenant, alone = false, ...options } = line.opts<Options>();
      if (tenant === undefined) throw usage('name the tenant, with --tenant; for all: the one in whose log it is written');
      if (verb === 'list') {
        printSwitches(terminal, await house.listSwitches(tenant), json);
        return 0;
      }
      const what = { verb, tenant, kind: kindOf(args[0]), id: args[1], alone };
      const state = await house.changeSwitch(verb === 'off' ? { ...what, reason: reasonOf(options) } : what);
      terminal.out(
        json ? JSON.stringify({ state, kind: what.kind, id: what.id }) : `${nameOf({ kind: what.kind, id: what.id })}: ${state}`,
      );
      return 0;
    });
  const tenant = ['--tenant <tenant>', 'required'] as const;
  command
    .command('off')
    .argument('<kind>', KINDS.join(', '))
    .argument('[id]', WHAT)
    .option(...tenant)
    .option('--reason <text>', 'required')
    .action(local('off'));
  command
    .command('on')
    .argument('<kind>', KINDS.join(', '))
    .argument('[id]', WHAT)
    .option(...tenant)
    .option('--alone', 'lift tenant or all without a second person')
    .action(local('on'));
  command
    .command('list')
    .option(...tenant)
    .action(local('list'));
}

function nameOf({ kind, id }: { readonly kind: string; readonly id?: string | undefined }): string {
  return id === undefined ? kind : `${kind} ${printable(id)}`;
}

function liftText(answer: Lift): string {
  if (answer.state === 'lifted') return `${nameOf(answer)} is on again`;
  return `${nameOf(answer)}: proposed; another person has to do the same before ${answer.proposal?.until ?? 'it lapses'}`;
}

function printSwitches({ out }: Terminal, switches: readonly Thrown[], json: boolean): void {
  for (const one of switches) {
    if (json) {
      out(JSON.stringify(one));
      continue;
    }
    const proposed = one.proposal === undefined ? '' : `  (${printable(one.proposal.by)} proposes to lift it, until ${one.proposal.until})`;
    out(`${one.at}  ${nameOf(one).padEnd(48)}  ${printable(one.by ?? '')}  ${printable(one.reason ?? '')}${proposed}`);
  }
  if (switches.length === 0 && !json) out('nothing is off');
}
