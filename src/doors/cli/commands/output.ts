import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { createApiClient, expectShape } from '../api-client.ts';
import { usage } from '../failure.ts';
import type { Commands } from '../program.ts';
import { printable, type Terminal } from '../terminal.ts';

const place = { start: z.int(), end: z.int() };
const reportSchema = z.object({
  decision: z.enum(['allow', 'flag', 'block']),
  reasons: z.array(z.string()),
  findings: z
    .object({
      cited: z.array(z.object({ chunk: z.string(), ...place })),
      quoted: z.array(z.object({ chunk: z.string(), cited: z.boolean(), ...place })),
      unknown: z.array(z.object(place)),
      unreadable: z.array(z.string()),
    })
    .optional(),
});

export function addOutput({ program, house, terminal, action }: Commands): void {
  program
    .command('output')
    .description('what a model wrote, compared with what a request of your own released; exit code 1 where it is to be withheld')
    .argument('<request>', 'the id of the request')
    .argument('<file>', 'the output, as UTF-8')
    .action(
      action(async (json, command) => {
        const [request = '', file = ''] = command.args;
        const output = await textOf(file);
        const client = createApiClient(house.clientSettings());
        try {
          const answer = await client.call('POST', `/v1/requests/${encodeURIComponent(request)}/output`, { output });
          const report = expectShape(reportSchema, answer);
          if (json) terminal.out(JSON.stringify(answer));
          else printReport(terminal, report, output);
          return report.decision === 'block' ? 1 : 0;
        } finally {
          await client.close();
        }
      }),
    );
}

async function textOf(file: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
  } catch {
    throw usage(`${file} cannot be read as UTF-8`);
  }
}

function printReport({ out, colors }: Terminal, { decision, reasons, findings }: z.infer<typeof reportSchema>, output: string): void {
  out(`${colors.bold(decision)}${reasons.length === 0 ? '' : `  ${reasons.map(printable).join(', ')}`}`);
  if (findings === undefined) return;
  const shown = ({ start, end }: { readonly start: number; readonly end: number }): string => {
    const text = printable(output.slice(start, end)).replaceAll(/\s+/g, ' ');
    return `${start}–${end}  ${text.length > 60 ? `${text.slice(0, 59)}…` : text}`;
  };
  for (const found of findings.cited) out(`cites      ${printable(found.chunk)}  ${shown(found)}`);
  for (const found of findings.quoted) out(`quotes     ${printable(found.chunk)}  ${shown(found)}${found.cited ? '' : '  not cited'}`);
  for (const found of findings.unknown) out(`unknown    ${shown(found)}`);
  for (const chunk of findings.unreadable) out(`unreadable ${printable(chunk)}`);
}
