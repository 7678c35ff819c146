import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { z } from 'zod';
import { expectShape } from '../api-client.ts';
import { CommandFailure, usage } from '../failure.ts';
import type { Commands } from '../program.ts';
import { printable } from '../terminal.ts';
import { withClient } from '../with-client.ts';
import { addWho, whoBody, type WhoOptions } from './explain.ts';
import { collect } from './label.ts';
import { blastRadiusShape, diffShape, printBlastRadius, printDiff, printShadow, shadowShape } from './policy-print.ts';

const REVISIONS = '/v1/policy/revisions';
const activeShape = z.object({ revision: z.string(), policy: z.string() });
const storedShape = z.object({ revision: z.string() });
const pageShape = z.object({
  revision: z.string(),
  revisions: z.array(
    z.object({
      revision: z.string(),
      parent: z.string().nullable(),
      author: z.string(),
      at: z.string(),
      active: z.boolean(),
      activations: z.int(),
    }),
  ),
  next: z.string().optional(),
});

/** What policy does and did, and putting it into force: clients of the service, beside `policy test` on the machine. */
export function addPolicyClient(commands: Commands): void {
  const policy = commands.program.commands.find((command) => command.name() === 'policy');
  if (policy === undefined) throw new Error('policy test comes first');
  addDiff(commands, policy);
  addBlastRadius(commands, policy);
  addRevisions(commands, policy);
  addPublish(commands, policy);
  addActivate(commands, policy);
  addShadow(commands, policy);
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new CommandFailure(`${file} cannot be read`, { code: 'unreadable', exitCode: 2, cause: error });
  }
}

interface DiffOptions {
  readonly against?: string;
  readonly revision?: string;
  readonly source?: readonly string[];
  readonly principal?: readonly string[];
  readonly client?: string;
  readonly limit?: string;
  readonly after?: string;
}

function addDiff(commands: Commands, policy: Command): void {
  const { terminal, action } = commands;
  policy
    .command('diff')
    .description('who gains and loses which documents under another policy; exit code 1 where anybody does')
    .argument('[file]', 'a policy.csv')
    .option('--revision <revision>', 'a stored revision in place of a file')
    .option('--against <revision>', 'a stored revision; the one in force where absent')
    .option('--source <source>', 'only this source; may be repeated', collect)
    .option('--principal <principal>', 'only this principal; may be repeated', collect)
    .option('--client <principal>', 'people through this application')
    .option('--limit <n>', 'principals to show, at most 500')
    .option('--after <principal>', 'go on after this one')
    .action(
      action(async (json, command) => {
        const { against, revision, source, principal, client: through, limit, after } = command.opts<DiffOptions>();
        const [file] = command.args;
        if ((file === undefined) === (revision === undefined)) throw usage('name a file, or --revision');
        const other = file === undefined ? { revision } : { policy: await textOf(file) };
        const asked = {
          ...other,
          against,
          sources: source,
          principals: principal,
          client: through,
          after,
          ...(limit === undefined ? {} : { limit: Number(limit) }),
        };
        const answer = await withClient(commands, (client) => client.call('POST', '/v1/policy/diff', asked));
        const diff = expectShape(diffShape, answer);
        if (json) terminal.out(JSON.stringify(answer));
        else printDiff(terminal, diff);
        return diff.principals.affected === 0 ? 0 : 1;
      }),
    );
}

function addBlastRadius(commands: Commands, policy: Command): void {
  const { terminal, action } = commands;
  const command = policy.command('blast-radius').description('what one identity, application or stolen token could read now');
  addWho(command);
  command
    .option('--limit <n>', 'documents to name, at most 1000')
    .option('--after <next>', 'the next page')
    .action(
      action(async (json, one) => {
        const { limit, after, ...who } = one.opts<WhoOptions & { limit?: string; after?: string }>();
        const asked = { ...whoBody(who), after, ...(limit === undefined ? {} : { limit: Number(limit) }) };
        const answer = await withClient(commands, (client) => client.call('POST', '/v1/policy/blast-radius', asked));
        const found = expectShape(blastRadiusShape, answer);
        if (json) terminal.out(JSON.stringify(answer));
        else printBlastRadius(terminal, found);
        return 0;
      }),
    );
}

function addRevisions(commands: Commands, policy: Command): void {
  const { terminal, action } = commands;
  policy
    .command('revisions')
    .description('stored revisions, newest first; the one in force is marked')
    .action(
      action(async (json) => {
        await withClient(commands, async (client) => {
          for (let after: string | undefined; ;) {
            const query = after === undefined ? '' : `&after=${encodeURIComponent(after)}`;
            const page = expectShape(pageShape, await client.call('GET', `${REVISIONS}?limit=100${query}`));
            for (const one of page.revisions) {
              const { revision, parent, author, at, active, activations } = one;
              const text = `${active ? '*' : ' '} ${revision}  ${at}  by ${printable(author)}  after ${parent ?? 'nothing'}, in force ${activations} times`;
              terminal.out(json ? JSON.stringify(one) : text);
            }
            after = page.next;
            if (after === undefined) return;
          }
        });
        return 0;
      }),
    );
}

function saidOf(json: boolean, revision: string, active: boolean): string {
  if (json) return JSON.stringify({ revision, active });
  return `${revision} is ${active ? 'in force' : 'stored; activate it with: sluice policy activate'}`;
}

function addPublish(commands: Commands, policy: Command): void {
  const { terminal, action, house } = commands;
  const said = (json: boolean, revision: string, active: boolean): void => terminal.out(saidOf(json, revision, active));
  const publish = (textFor: (active: string) => Promise<string>, activate: boolean): Promise<string> =>
    withClient(commands, async (client) => {
      const active = expectShape(activeShape, await client.call('GET', `${REVISIONS}?limit=1`));
      const body = { policy: await textFor(active.policy), parent: active.revision, activate };
      return expectShape(storedShape, await client.call('POST', REVISIONS, body)).revision;
    });
  policy
    .command('publish')
    .description('check and store a policy.csv of one tenant, and put it into force')
    .argument('<file>')
    .option('--no-activate', 'only store it')
    .action(
      action(async (json, command) => {
        const { activate } = command.opts<{ activate: boolean }>();
        const text = await textOf(command.args[0] ?? '');
        said(json, await publish(() => Promise.resolve(text), activate), activate);
        return 0;
      }),
    );
  policy
    .command('reload')
    .description('put the lines of the local policy files into force that are of the tenant of the token')
    .argument('[directory]', 'SLUICE_POLICY_DIR, else the policies that came along')
    .option('--no-activate', 'only store them')
    .action(
      action(async (json, command) => {
        const { activate } = command.opts<{ activate: boolean }>();
        said(json, await publish((active) => house.localPolicy(command.args[0], tenantOf(active)), activate), activate);
        return 0;
      }),
    );
}

function addActivate(commands: Commands, policy: Command): void {
  const { terminal, action } = commands;
  policy
    .command('activate')
    .description('put a stored revision into force in place of the one that is')
    .argument('<revision>')
    .action(
      action(async (json, command) => {
        const revision = command.args[0] ?? '';
        await withClient(commands, async (client) => {
          const active = expectShape(storedShape, await client.call('GET', `${REVISIONS}?limit=1`));
          await client.call('POST', `${REVISIONS}/${encodeURIComponent(revision)}/activate`, { replaces: active.revision });
        });
        terminal.out(saidOf(json, revision, true));
        return 0;
      }),
    );
}

/** Every line names its tenant, and a policy in force has one at least: the administrator's. */
function tenantOf(policy: string): string {
  const line = policy.split('\n').find((text) => text.startsWith('p, '));
  const tenant = line?.split(',')[2]?.trim();
  if (tenant === undefined) throw new CommandFailure('the policy in force names no tenant', { code: 'unexpected_answer' });
  return tenant;
}

function addShadow(commands: Commands, policy: Command): void {
  const { terminal, action } = commands;
  const shadow = policy.command('shadow').description('decide retrievals under another revision too, for a report');
  const verbs = [
    ['start', 'POST', 'decide every retrieval under this stored revision too'],
    ['stop', 'DELETE', 'end it; the report stays'],
    ['show', 'GET', 'what the revision would have changed'],
  ] as const;
  for (const [verb, method, description] of verbs) {
    shadow
      .command(verb)
      .description(description)
      .argument('<revision>')
      .action(
        action(async (json, command) => {
          const path = `${REVISIONS}/${encodeURIComponent(command.args[0] ?? '')}/shadow`;
          const answer = await withClient(commands, (client) => client.call(method, path));
          const report = expectShape(shadowShape, answer);
          if (json) terminal.out(JSON.stringify(answer));
          else printShadow(terminal, report);
          return 0;
        }),
      );
  }
}
