import type { Commands } from '../program.ts';

/** `serve`, `dev` and `demo`: they run until told to stop, or to the end. */
export function addService({ program, house, action }: Commands): void {
  program
    .command('serve')
    .description('run the service; settings come from the environment')
    .action(action(() => house.serve({ development: false })));
  program
    .command('dev')
    .description('run the service with a development issuer, on loopback only')
    .action(action(() => house.serve({ development: true })));
  program
    .command('demo')
    .description('show what Sluice does, with an example company in a temporary directory')
    .option('--serve', 'keep running afterwards and print the addresses')
    .action(action((json, command) => house.demo({ json, serve: command.opts<{ serve?: true }>().serve === true })));
}
