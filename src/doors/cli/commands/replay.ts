import { z } from 'zod';
import { expectShape } from '../api-client.ts';
import { usage } from '../failure.ts';
import type { Commands } from '../program.ts';
import { reasonOf } from '../reason.ts';
import { printable, type Terminal } from '../terminal.ts';
import { eachPage, withClient } from '../with-client.ts';

const wish = z.object({ request: z.string(), reader: z.string(), reason: z.string(), at: z.string() });
const page = z.object({ wishes: z.array(wish), next: z.string().optional() });
const approval = z.object({ request: z.string(), reader: z.string(), until: z.string() });
const reevaluation = z.looseObject({
  decision: z.string(),
  hidden: z.int(),
  policyRevision: z.object({ released: z.string(), now: z.string() }),
  chunks: z.array(
    z.looseObject({ rank: z.int(), source: z.string(), document: z.string(), decision: z.string(), refusedBy: z.array(z.string()) }),
  ),
});

const requestPath = (request: string | undefined, below: string): string => `/v1/requests/${encodeURIComponent(request ?? '')}/${below}`;

/** Replay, and what another person has to allow first; and beside it what would be answered today. */
export function addReplay(commands: Commands): void {
  const { program, terminal, action } = commands;
  const command = program
    .command('replay')
    .description('what a request was answered, byte for byte; needs the right to replay it, and may need a second person')
    .argument('[request]', 'the id of the request')
    .option('--reason <text>', 'why, in one line; required')
    .action(
      action(async (json, line) => {
        const [request] = line.args;
        if (request === undefined) throw usage('name the request');
        const reason = reasonOf(line.opts<{ reason?: string }>());
        const path = requestPath(request, `replay?${new URLSearchParams({ reason }).toString()}`);
        const { body, header } = await withClient(commands, (client) => client.bytes(path, 'sluice-replay'));
        terminal.raw(body);
        if (header === 'exact') return 0;
        // What came is not what was answered then: a script must not take it for that.
        if (!json)
          terminal.err(`\nsluice: ${header === 'erased' ? 'something of it was erased' : 'it was released before answers were kept'}`);
        return 1;
      }),
    );
  addApprovals(commands, command);
  addReevaluate(commands);
}

function addApprovals(commands: Commands, command: Commands['program']): void {
  const { terminal, action } = commands;
  command
    .command('wishes')
    .description('who wishes to replay what, as far as you could allow it')
    .action(
      action(async (json) => {
        await withClient(commands, (client) =>
          eachPage(client, '/v1/replay-approvals', page, ({ wishes }) => printWishes(terminal, wishes, json)),
        );
        return 0;
      }),
    );
  command
    .command('approve')
    .description('allow somebody else to replay a request for an hour')
    .argument('<request>')
    .argument('<reader>', 'user:<issuer>|<sub>')
    .option('--reason <text>', 'theirs, as `replay wishes` tells it: for another one nothing is allowed; required')
    .action(
      action(async (json, line) => {
        const [request, reader = ''] = line.args;
        // The command above has an option of that name too, and takes it first.
        const { reason } = line.optsWithGlobals<{ reason?: string }>();
        if (reason === undefined) throw usage('say for which reason, with --reason');
        const made = await withClient(commands, async (client) =>
          expectShape(approval, await client.call('POST', requestPath(request, 'replay-approvals'), { reader, reason })),
        );
        terminal.out(json ? JSON.stringify(made) : `${printable(made.reader)} may replay ${made.request} until ${made.until}`);
        return 0;
      }),
    );
}

function addReevaluate(commands: Commands): void {
  const { program, terminal, action } = commands;
  program
    .command('reevaluate')
    .description("would today's policy have released this? Counterfactual: it shows no text")
    .argument('<request>', 'the id of the request')
    .option('--group <group...>', 'groups of the caller, where they live in tokens')
    .action(
      action(async (json, line) => {
        const { group } = line.opts<{ group?: readonly string[] }>();
        const given = group === undefined ? {} : { groups: group };
        const answer = await withClient(commands, async (client) =>
          expectShape(reevaluation, await client.call('POST', requestPath(line.args[0], 'reevaluation'), given)),
        );
        if (json) terminal.out(JSON.stringify(answer));
        else printReevaluation(terminal, answer);
        return 0;
      }),
    );
}

function printWishes({ out }: Terminal, wishes: readonly z.infer<typeof wish>[], json: boolean): void {
  for (const one of wishes) {
    out(json ? JSON.stringify(one) : `${one.at}  ${one.request}  ${printable(one.reader)}  ${printable(one.reason)}`);
  }
  if (wishes.length === 0 && !json) out('nobody wishes what you could allow');
}

function printReevaluation({ out }: Terminal, answer: z.infer<typeof reevaluation>): void {
  const { released, now } = answer.policyRevision;
  out(`counterfactual: ${answer.decision}  (released under revision ${released}, decided under ${now})`);
  for (const { rank, source, document, decision, refusedBy } of answer.chunks) {
    out(`${String(rank).padStart(4)}  ${decision.padEnd(7)}  ${printable(source)}/${printable(document)}  ${refusedBy.join(', ')}`);
  }
  if (answer.hidden > 0) out(`${answer.hidden} more that you may not audit`);
}
