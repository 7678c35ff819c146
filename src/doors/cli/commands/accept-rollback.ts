import type { Commands } from '../program.ts';

/** For a log that is older than the checkpoints of it: what is lost stays lost, and is written down. */
export function addAcceptRollback({ house, terminal, action }: Commands, admin: Commands['program']): void {
  admin
    .command('accept-rollback')
    .description('let an audit log go on that is older than its checkpoints, under a new name and with an event that says so')
    .argument('<tenant>', 'whose log')
    .requiredOption('--reason <text>', 'why there is no newer copy of the database; it stands in the log')
    .action(
      action(async (json, command) => {
        const { reason } = command.opts<{ reason: string }>();
        const accepted = await house.acceptRollback({ tenant: command.args[0] ?? '', reason });
        const { tenant, former, origin, size } = accepted;
        terminal.out(json ? JSON.stringify(accepted) : `${tenant}: goes on after ${size} events as ${origin}; ${former} ends here`);
        return 0;
      }),
    );
}
