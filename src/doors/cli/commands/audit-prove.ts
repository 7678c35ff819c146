import type { Command } from 'commander';
import type { Commands } from '../program.ts';
import { withClient } from '../with-client.ts';
import { queryOf, withFilters, type FilterOptions } from './audit-filters.ts';

/** Checkpoints and proofs. What is printed is what the service answered: to be kept, and checked elsewhere. */
export function addAuditProofs(commands: Commands, audit: Command): void {
  addCheckpoint(commands, audit);
  const prove = audit.command('prove').description('a proof, as JSON; needs the right to audit the whole tenant');
  prove
    .command('inclusion')
    .description('that an event is in the log of a checkpoint')
    .argument('<index>', 'its position in the log')
    .option('--size <n>', 'of the checkpoint; the newest where left out')
    .action(
      printing(commands, (command) => {
        const { size } = command.opts<{ size?: string }>();
        return `/v1/audit/proof/inclusion${queryOf({}, { index: command.args[0], size })}`;
      }),
    );
  prove
    .command('consistency')
    .description('that the log of a later checkpoint continues that of an earlier one')
    .argument('<from>', 'size of the earlier one')
    .argument('<to>', 'size of the later one')
    .action(printing(commands, ({ args: [from, to] }) => `/v1/audit/proof/consistency${queryOf({}, { from, to })}`));
  withFilters(prove.command('complete'))
    .description('that these are all events of one document, source, person or application, or that there is none')
    .option('--what <what>', 'released or changed of a thing; asked, done or concerned of somebody')
    .action(
      printing(commands, (command) => {
        const { what, ...options } = command.opts<FilterOptions & { what?: string }>();
        return `/v1/audit/proof/complete${queryOf(options, { what })}`;
      }),
    );
}

function addCheckpoint(commands: Commands, audit: Command): void {
  const { terminal, action } = commands;
  audit
    .command('checkpoint')
    .description('the newest signed checkpoint of the log: a note to keep elsewhere')
    .option('--fresh', 'one of everything that is in the log now')
    .option('--all', 'every one there is, as JSON, oldest first')
    .action(
      action(async (json, command) => {
        const { fresh, all } = command.opts<{ fresh?: true; all?: true }>();
        await withClient(commands, async (client) => {
          if (all === true) {
            let after = 0;
            for (;;) {
              const answer = await client.call('GET', `/v1/audit/checkpoints?after=${after}&limit=500`);
              const { checkpoints } = answer as { readonly checkpoints: readonly { readonly size: number }[] };
              for (const one of checkpoints) terminal.out(JSON.stringify(one));
              const last = checkpoints.at(-1);
              if (last === undefined) return;
              after = last.size;
            }
          }
          const { body } = await client.bytes(`/v1/audit/checkpoint${fresh === true ? '?fresh=true' : ''}`, 'content-type');
          if (json) terminal.out(JSON.stringify({ note: Buffer.from(body).toString('utf8') }));
          else terminal.raw(body);
        });
        return 0;
      }),
    );
}

function printing({ house, terminal, action }: Commands, pathOf: (command: Command) => string): ReturnType<Commands['action']> {
  return action(async (json, command) => {
    const answer = await withClient({ house }, (client) => client.call('GET', pathOf(command)));
    terminal.out(JSON.stringify(answer, undefined, json ? undefined : 2));
    return 0;
  });
}
