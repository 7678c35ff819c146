import { z } from 'zod';
import { expectShape } from '../api-client.ts';
import type { Commands } from '../program.ts';
import { printable } from '../terminal.ts';
import { eachPage, withClient } from '../with-client.ts';

const key = z.object({ id: z.string(), client: z.string(), scopes: z.array(z.string()), note: z.string(), expires: z.string() });
const added = key.extend({ key: z.string() });
const page = z.object({ keys: z.array(key), next: z.string().optional() });
const PATH = '/v1/application-keys';

function lineOf({ id, client, scopes, note, expires }: z.infer<typeof key>): string {
  return printable(`${id}  ${client}  ${scopes.join(' ')}  until ${expires}  ${note}`);
}

/** Static keys over the API, as the bearer of SLUICE_TOKEN. */
export function addApplicationKeys(commands: Commands): void {
  const { program, terminal, action } = commands;
  const command = program.command('application-keys').description('static keys of applications, for tools that can send nothing else');
  command
    .command('add')
    .description('make one; it is printed once, alone, and kept nowhere')
    .argument('<client>', 'the application: client:<issuer>|<client_id>')
    .requiredOption('--note <text>', 'what it is for')
    .option('--scope <scope...>', 'retrieve, ingest', ['retrieve'])
    .option('--expires <time>', 'ISO 8601, or never; in 90 days where absent')
    .action(
      action((json, called) =>
        withClient(commands, async (api) => {
          const [client] = called.args;
          const { note, scope, expires } = called.opts<{ note: string; scope: readonly string[]; expires?: string }>();
          const body = { client, note, scopes: scope, ...(expires === undefined ? {} : { expires }) };
          const answer = expectShape(added, await api.call('POST', PATH, body));
          if (!json) terminal.err(lineOf(answer));
          terminal.out(json ? JSON.stringify(answer) : answer.key);
          return 0;
        }),
      ),
    );
  command
    .command('list')
    .description('all that are in force')
    .action(
      action((json) =>
        withClient(commands, async (api) => {
          await eachPage(api, PATH, page, ({ keys }) => {
            for (const one of keys) terminal.out(json ? JSON.stringify(one) : lineOf(one));
          });
          return 0;
        }),
      ),
    );
  command
    .command('revoke')
    .description('for every request from now on')
    .argument('<id>', 'as listed')
    .action(
      action((json, { args: [id = ''] }) =>
        withClient(commands, async (api) => {
          await api.call('DELETE', `${PATH}/${encodeURIComponent(id)}`);
          terminal.out(json ? JSON.stringify({ revoked: id }) : `revoked ${printable(id)}`);
          return 0;
        }),
      ),
    );
}
