import { open, rename, rm } from 'node:fs/promises';
import type { Command } from 'commander';
import { usage } from '../failure.ts';
import type { Commands } from '../program.ts';
import type { Terminal } from '../terminal.ts';
import { withClient } from '../with-client.ts';
import { queryOf, withFilters, type FilterOptions } from './audit-filters.ts';

interface ExportOptions extends FilterOptions {
  readonly format: string;
  readonly out?: string;
}

const FORMATS = ['sluice', 'ocsf', 'csv'];
const TELL_EVERY = 16 * 1_048_576;

export function addAuditExport(commands: Commands, audit: Command): void {
  const { terminal, action } = commands;
  withFilters(audit.command('export'))
    .description('the log as a file that "sluice audit verify" checks, or events for other tools')
    .option('--format <format>', 'sluice, ocsf or csv', 'sluice')
    .option('--kind <kinds>', 'kinds of events, separated by commas; document.* for a group')
    .option('--out <file>', 'where to; standard output where left out')
    .action(
      action(async (json, command) => {
        const { format, out, ...filters } = command.opts<ExportOptions>();
        if (!FORMATS.includes(format)) throw usage(`--format is one of ${FORMATS.join(', ')}`);
        const path = `/v1/audit/export${queryOf(filters, { format })}`;
        const bytes = await withClient(commands, (client) => save(client.download(path), out, terminal));
        if (out !== undefined && json) terminal.out(JSON.stringify({ file: out, bytes }));
        if (out !== undefined && !json) terminal.err(`${out}: ${bytes} bytes`);
        return 0;
      }),
    );
}

/** Under another name until it is whole: what was cut off is never taken for the export. */
async function save(parts: AsyncIterable<Uint8Array>, out: string | undefined, terminal: Terminal): Promise<number> {
  const file = out === undefined ? undefined : await open(`${out}.part`, 'w', 0o600);
  let [bytes, told] = [0, 0];
  try {
    for await (const part of parts) {
      if (file === undefined) terminal.raw(part);
      else await file.writeFile(part);
      bytes += part.length;
      if (terminal.watched && bytes - told >= TELL_EVERY) {
        told = bytes;
        terminal.err(`${Math.round(bytes / 1_048_576)} MiB …`);
      }
    }
    await file?.sync();
  } finally {
    await file?.close();
    if (out !== undefined && bytes === 0) await rm(`${out}.part`);
  }
  if (out !== undefined) await rename(`${out}.part`, out);
  return bytes;
}
