import { z } from 'zod';
import { expectShape } from '../api-client.ts';
import { usage } from '../failure.ts';
import type { Commands } from '../program.ts';
import { reasonOf } from '../reason.ts';
import { printable, type Terminal } from '../terminal.ts';
import { eachPage, withClient } from '../with-client.ts';

const named = z.object({
  kind: z.string(),
  principal: z.string().optional(),
  source: z.string().optional(),
  document: z.string().optional(),
  version: z.string().optional(),
});
const erasure = z.object({ erased: named, receipt: z.object({ index: z.int(), leaf: z.string() }) });
const page = z.object({
  holds: z.array(z.object({ what: named, reason: z.string(), by: z.string(), since: z.string() })),
  next: z.string().optional(),
});

const KINDS = ['caller', 'content'] as const;
const WHAT = 'of a caller: user:<issuer>|<sub> or client:<issuer>|<id>; of content: <source>/<document>';

interface Options {
  readonly reason?: string;
  readonly only?: string;
}

type Named = Readonly<Record<string, string>>;

function namedBy([kind, id = '']: readonly string[], { only: version }: Options): Named {
  if (kind === 'caller' && version === undefined && id !== '') return { kind, principal: id };
  const slash = id.indexOf('/');
  if (kind !== 'content' || slash < 1) throw usage('say what: caller <principal>, or content <source>/<document>');
  return { kind, source: id.slice(0, slash), document: id.slice(slash + 1), ...(version === undefined ? {} : { version }) };
}

/** Erasure and legal holds over the API, as the bearer of SLUICE_TOKEN. */
export function addErase(commands: Commands): void {
  const { program, terminal, action } = commands;
  program
    .command('erase')
    .description('erase a caller or a text from catalog, index and log; it cannot be undone')
    .argument('<kind>', KINDS.join(', '))
    .argument('<id>', WHAT)
    .option('--only <version>', 'of content: this version alone, sha256:…')
    .option('--reason <text>', 'why, in one line; required')
    .action(
      action(async (json, line) => {
        const options = line.opts<Options>();
        const body = { ...namedBy(line.args, options), reason: reasonOf(options) };
        const made = await withClient(commands, async (client) => expectShape(erasure, await client.call('POST', '/v1/erasures', body)));
        terminal.out(json ? JSON.stringify(made) : `${nameOf(made.erased)} is erased; event ${made.receipt.index} tells of it`);
        return 0;
      }),
    );
  addHold(commands);
}

function addHold(commands: Commands): void {
  const { program, terminal, action } = commands;
  const hold = program.command('hold').description('legal holds: what is held cannot be erased');
  const changing = (name: 'place' | 'lift', description: string) =>
    hold
      .command(name)
      .description(description)
      .argument('<kind>', KINDS.join(', '))
      .argument('<id>', WHAT)
      .option('--only <version>', 'of content: this version alone, sha256:…')
      .option('--reason <text>', 'why, in one line; required')
      .action(
        action(async (json, line) => {
          const options = line.opts<Options>();
          const what = namedBy(line.args, options);
          const reason = reasonOf(options);
          await withClient(commands, (client) =>
            name === 'place'
              ? client.call('POST', '/v1/legal-holds', { ...what, reason })
              : client.call('DELETE', `/v1/legal-holds?${new URLSearchParams({ ...what, reason }).toString()}`),
          );
          const state = name === 'place' ? 'held' : 'lifted';
          terminal.out(json ? JSON.stringify({ state, what }) : `${nameOf(expectShape(named, what))}: ${state}`);
          return 0;
        }),
      );
  changing('place', 'keep something from being erased');
  changing('lift', 'let it be erased again');
  hold
    .command('list')
    .description('what is held, and why')
    .action(
      action(async (json) => {
        await withClient(commands, (client) => eachPage(client, '/v1/legal-holds', page, ({ holds }) => printHolds(terminal, holds, json)));
        return 0;
      }),
    );
}

function nameOf({ kind, principal = '', source = '', document = '', version }: z.infer<typeof named>): string {
  const id = kind === 'caller' ? principal : `${source}/${document}${version === undefined ? '' : ` ${version.slice(0, 19)}`}`;
  return `${kind} ${printable(id)}`;
}

function printHolds({ out }: Terminal, holds: z.infer<typeof page>['holds'], json: boolean): void {
  for (const one of holds) {
    out(json ? JSON.stringify(one) : `${one.since}  ${nameOf(one.what).padEnd(48)}  ${printable(one.by)}  ${printable(one.reason)}`);
  }
  if (holds.length === 0 && !json) out('nothing is held');
}
