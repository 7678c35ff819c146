import type { Command } from 'commander';
import { z } from 'zod';
import { expectShape } from '../api-client.ts';
import type { Commands } from '../program.ts';
import { readJsonFile } from '../json-file.ts';
import { printable } from '../terminal.ts';
import { eachPage, withClient } from '../with-client.ts';

const collection = z.looseObject({
  collection: z.string(),
  source: z.string().optional(),
  sources: z.array(z.string()),
  profile: z.looseObject({ text: z.looseObject({ path: z.string() }) }),
  missing: z.array(z.string()).optional(),
});
const page = z.object({ collections: z.array(collection), next: z.string().optional() });
const PATH = '/v1/collections';

function linesOf({ collection: name, source, sources, profile, missing = [] }: z.infer<typeof collection>): readonly string[] {
  const head = `${name}  writes into ${source ?? 'nothing'}  holds ${sources.join(' ') || 'nothing'}  text at ${profile.text.path}`;
  return [head, ...missing.map((one) => `  missing ${one}`)].map(printable);
}

/** Hosted collections over the API, as the bearer of SLUICE_TOKEN. */
export function addCollections(commands: Commands): void {
  const command = commands.program
    .command('collections')
    .description('collections of the Qdrant-compatible door: sources, profiles, default ACLs');
  addReading(command, commands);
  addWriting(command, commands);
}

function show({ terminal }: Commands, json: boolean, one: z.infer<typeof collection>): void {
  for (const line of json ? [JSON.stringify(one)] : linesOf(one)) terminal.out(line);
}

function addReading(command: Command, commands: Commands): void {
  const { terminal, action } = commands;
  command
    .command('list')
    .description('those that you own')
    .action(
      action((json) =>
        withClient(commands, async (api) => {
          await eachPage(api, PATH, page, ({ collections }) => collections.forEach((one) => show(commands, json, one)));
          return 0;
        }),
      ),
    );
  command
    .command('show')
    .description('one of them, as JSON')
    .argument('<name>')
    .action(
      action((json, { args: [name = ''] }) =>
        withClient(commands, async (api) => {
          const answer = await api.call('GET', `${PATH}/${encodeURIComponent(name)}`);
          terminal.out(json ? JSON.stringify(answer) : JSON.stringify(answer, null, 2));
          return 0;
        }),
      ),
    );
}

function addWriting(command: Command, commands: Commands): void {
  const { terminal, action } = commands;
  command
    .command('put')
    .description('make one, or change who writes into it, its profile and its default ACL')
    .argument('<name>')
    .argument('<file>', 'JSON, as the body of PUT /v1/collections/{name}')
    .action(
      action((json, { args: [name = '', file = ''] }) =>
        withClient(commands, async (api) => {
          const body = await readJsonFile(file);
          show(commands, json, expectShape(collection, await api.call('PUT', `${PATH}/${encodeURIComponent(name)}`, body)));
          return 0;
        }),
      ),
    );
  command
    .command('delete')
    .description('with all its points, for every request from now on')
    .argument('<name>')
    .action(
      action((json, { args: [name = ''] }) =>
        withClient(commands, async (api) => {
          await api.call('DELETE', `${PATH}/${encodeURIComponent(name)}`);
          terminal.out(json ? JSON.stringify({ deleted: name }) : `deleted ${printable(name)}`);
          return 0;
        }),
      ),
    );
}
