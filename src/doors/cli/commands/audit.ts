import { createExportVerifier, type ExportReport } from '../../../core/tlog/verify-export.ts';
import { readConsistency, readTrust } from '../audit-trust.ts';
import { CommandFailure, usage } from '../failure.ts';
import { findingText } from '../finding-text.ts';
import type { Commands } from '../program.ts';
import { readChunks } from '../read-chunks.ts';
import { printable, type Terminal } from '../terminal.ts';

interface Options {
  readonly tenant?: string;
  readonly checkpoint?: string;
  readonly key: readonly string[];
  readonly consistency?: string;
  readonly complete?: true;
  readonly canonical?: true;
}

const DESCRIPTION = `check the audit log, in one of two ways.

With an export: offline, against a checkpoint from outside and the public key of the log. Needs no service and no database.
  sluice audit verify <export> --checkpoint <file> --key <key>

Without one: the log in the local database (SLUICE_DATA_DIR or DATABASE_URL).
  sluice audit verify [--tenant <tenant>]`;

/** Exit codes: 0 nothing wrong was found, 1 something was, 2 it could not be checked as it was asked for. */
export function addAuditVerify({ house, terminal, action }: Commands, audit: Commands['program']): void {
  audit
    .command('verify')
    .summary('check an export offline, or the log in the local database')
    .description(DESCRIPTION)
    .argument('[export]', 'a file, gzip or not, or - for standard input')
    .option('--checkpoint <file>', 'a checkpoint that was given outside: a signed note')
    .option('--key <key>', 'a verifier key, or a file of verifier keys or with a key set; repeated for more', collect, [])
    .option(
      '--consistency <file>',
      'a proof, as "audit prove consistency" prints it, for a checkpoint from before or after what was exported',
    )
    .option('--complete', 'make the maps of sub-logs anew too: needs the whole log, and about 250 bytes of memory for each sub-log')
    .option('--canonical', 'check too that each event is in canonical JSON')
    .option('--tenant <tenant>', 'of the local database, this tenant alone')
    .action(
      action(async (json, command) => {
        const options = command.opts<Options>();
        const file = command.args[0];
        if (file === undefined) return verifyLocal(house, terminal, options, json);
        if (options.tenant !== undefined) throw usage('--tenant is for the local database; whose an export is says its checkpoint');
        return verifyFile(terminal, file, options, json);
      }),
    );
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

async function verifyLocal(house: Commands['house'], { out, colors }: Terminal, options: Options, json: boolean): Promise<number> {
  const { checkpoint, key, consistency, complete, canonical } = options;
  if (checkpoint !== undefined || key.length > 0 || consistency !== undefined || complete !== undefined || canonical !== undefined) {
    throw usage('name the export to check; without one the local database is checked, which takes --tenant alone');
  }
  const reports = await house.verifyAudit(options.tenant);
  for (const report of reports) {
    if (json) out(JSON.stringify(report));
    else if (report.kind === 'intact') out(`${report.tenant}: ${colors.green('intact')}, ${report.size} events, head ${report.head}`);
    else out(`${report.tenant}: ${colors.red('broken')} ${placeOf(report)}: ${report.reason}`);
  }
  if (reports.length === 0 && !json) out('no tenant, so no log');
  return reports.every(({ kind }) => kind === 'intact') ? 0 : 1;
}

async function verifyFile(terminal: Terminal, file: string, options: Options, json: boolean): Promise<number> {
  const { checkpoint, key, consistency, complete = false, canonical = false } = options;
  if (checkpoint === undefined || key.length === 0) {
    throw usage('an export is checked against --checkpoint and --key; what it says of itself proves nothing');
  }
  const link = consistency === undefined ? {} : { consistency: await readConsistency(consistency) };
  const verifier = createExportVerifier({ ...(await readTrust(checkpoint, key)), ...link, complete, canonical });
  let cut: unknown;
  try {
    for await (const chunk of readChunks(file)) verifier.push(chunk);
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    // Packed data that breaks off: what came before is judged, and the end is missing.
    cut = error;
  }
  const report = verifier.end();
  if (cut !== undefined && report.ok)
    throw new CommandFailure(`${file} cannot be unpacked`, { exitCode: 1, code: 'unreadable', cause: cut });
  print(terminal, report, json);
  return report.ok ? 0 : 1;
}

function print({ out, colors }: Terminal, report: ExportReport, json: boolean): void {
  if (json) return out(JSON.stringify(report));
  const { ok, findings, more, from, to, size, events, checkpoints, mapsUpTo } = report;
  for (const finding of findings) out(`${colors.red('wrong')}  ${printable(findingText(finding))}`);
  if (more > 0) out(`${colors.red('wrong')}  and ${more} places more`);
  if (!ok) return;
  out(`${colors.green('good')}  ${events} events, [${from}, ${to}); the checkpoint covers ${size ?? 0}`);
  out(
    `log ${printable(report.origin ?? '')} of tenant ${printable(report.tenant ?? '')}; ${checkpoints} signed checkpoints in the export agree`,
  );
  if (size !== undefined && to < size) out(`${colors.yellow('part')}  events from ${to} on are not in this export`);
  if (from > 0) out(`${colors.yellow('part')}  events before ${from} are not in this export`);
  if (mapsUpTo > 0) out(`the maps of sub-logs are those of the events, up to size ${mapsUpTo}`);
}

function placeOf({ index, before = index + 1 }: { readonly index: number; readonly before?: number }): string {
  return before > index + 1 ? `between events ${index} and ${before - 1}` : `at event ${index}`;
}
