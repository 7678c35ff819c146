import { z } from 'zod';
import { createApiClient, expectShape } from '../api-client.ts';
import { usage } from '../failure.ts';
import type { Commands } from '../program.ts';
import { printable } from '../terminal.ts';

const source = z.object({
  source: z.string(),
  title: z.string(),
  owner: z.string(),
  level: z.string(),
  compartments: z.array(z.string()),
  trust: z.string(),
  revision: z.int(),
});
type Source = z.infer<typeof source>;

interface LabelOptions {
  readonly level?: string;
  readonly compartment?: readonly string[] | false;
  readonly trust?: string;
  readonly owner?: string;
  readonly title?: string;
}

/** For options that may be repeated. `before` is false after a `--no-…` of the same name. */
export function collect(value: string, before: readonly string[] | false | undefined): readonly string[] {
  return [...(before === undefined || before === false ? [] : before), value];
}

export function addLabel({ program, house, terminal, action }: Commands): void {
  program
    .command('label')
    .description('change the label, owner or title of a source; the next query obeys')
    .argument('<source>')
    .option('--level <level>')
    .option('--compartment <name>', 'replaces the ones it has; may be repeated', collect)
    .option('--no-compartment', 'takes all compartments away')
    .option('--trust <trust>', 'trusted, internal or external')
    .option('--owner <principal>')
    .option('--title <title>')
    .action(
      action(async (json, command) => {
        const patch = patchOf(command.opts<LabelOptions>());
        if (Object.keys(patch).length === 0) throw usage('say what to change, such as --level confidential');
        const client = createApiClient(house.clientSettings());
        const path = `/v1/sources/${encodeURIComponent(command.args[0] ?? '')}`;
        try {
          const before = expectShape(source, await client.call('GET', path));
          const after = expectShape(source, await client.call('PATCH', path, patch));
          terminal.out(json ? JSON.stringify({ before, after }) : `${after.source}: ${difference(before, after)}`);
          return 0;
        } finally {
          await client.close();
        }
      }),
    );
}

function patchOf({ level, compartment, trust, owner, title }: LabelOptions): Readonly<Record<string, unknown>> {
  const compartments = compartment === false ? [] : Array.isArray(compartment) ? compartment : undefined;
  return Object.fromEntries(Object.entries({ level, compartments, trust, owner, title }).filter(([, value]) => value !== undefined));
}

function difference(before: Source, after: Source): string {
  const text = ({ level, compartments, trust, owner, title }: Source) => [[level, ...compartments].join('+'), trust, owner, title];
  const [old, now] = [text(before), text(after)];
  const changes = now.flatMap((value, index) => (value === old[index] ? [] : [`${printable(old[index] ?? '')} → ${printable(value)}`]));
  return changes.length === 0 ? 'already so' : changes.join(', ');
}
