import { SingleBar } from 'cli-progress';
import { createApiClient, type ApiClient } from '../api-client.ts';
import { CommandFailure, usage } from '../failure.ts';
import type { Commands } from '../program.ts';
import { syncSource, type SyncReport } from '../sync-source.ts';
import { printable, type Terminal } from '../terminal.ts';
import { collect } from './label.ts';

interface IngestOptions {
  readonly source: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly uriBase?: string;
  readonly allowEmpty?: true;
  readonly create?: true;
  readonly title?: string;
  readonly owner?: string;
  readonly level?: string;
  readonly compartment?: readonly string[];
  readonly trust?: string;
}

const ONLY_WITH_CREATE = ['title', 'owner', 'level', 'compartment', 'trust'] as const;

export function addIngest({ program, house, terminal, action }: Commands): void {
  program
    .command('ingest')
    .description('make a source hold what a directory holds; who may read is in its _acl.yaml files')
    .argument('<directory>')
    .requiredOption('--source <source>', 'the source to write into')
    .option('--include <glob>', 'only these files, relative to the directory; may be repeated', collect)
    .option('--exclude <glob>', 'not these files; may be repeated', collect)
    .option('--uri-base <url>', 'where the documents can be opened, such as https://wiki.example/')
    .option('--allow-empty', 'an empty directory means: delete everything')
    .option('--create', 'make the source where there is none; needs --owner and --level')
    .option('--title <title>', 'of a source that is made')
    .option('--owner <principal>', 'of a source that is made')
    .option('--level <level>', 'of a source that is made')
    .option('--compartment <name>', 'of a source that is made; may be repeated', collect)
    .option('--trust <trust>', 'of a source that is made: trusted, internal (where left out) or external')
    .action(
      action(async (json, command) => {
        const options = checked(command.opts<IngestOptions>());
        const { files, connector } = await house.openTree(command.args[0] ?? '', selectionOf(options));
        const client = createApiClient(house.clientSettings());
        const bar = json ? undefined : startBar(terminal, options.source, files);
        try {
          if (options.create === true) await createSource(client, options);
          const report = await syncSource(client, options.source, connector, () => bar?.increment());
          bar?.stop();
          if (json) terminal.out(JSON.stringify(report));
          else printReport(terminal, report);
          return report.failed.length === 0 && report.problems.length === 0 ? 0 : 1;
        } catch (error) {
          throw explained(error, options.source);
        } finally {
          bar?.stop();
          await client.close();
        }
      }),
    );
}

function checked(options: IngestOptions): IngestOptions {
  const idle = ONLY_WITH_CREATE.filter((name) => options.create !== true && options[name] !== undefined);
  // Silently ignored, a --level would be believed to hold.
  if (idle.length > 0) throw usage(`--${idle.join(', --')}: only with --create; an existing source is changed by "sluice label"`);
  if (options.create === true && (options.owner === undefined || options.level === undefined)) {
    throw usage('--create needs --owner and --level: a source belongs to somebody and has a level');
  }
  if (options.uriBase !== undefined && URL.parse(options.uriBase) === null) throw usage('--uri-base needs a URL');
  return options;
}

function selectionOf({ include, exclude, uriBase, allowEmpty }: IngestOptions) {
  return {
    ...(include === undefined ? {} : { include }),
    ...(exclude === undefined ? {} : { exclude }),
    // Without the slash a URL's last part would be replaced instead of extended.
    ...(uriBase === undefined ? {} : { uriBase: uriBase.endsWith('/') ? uriBase : `${uriBase}/` }),
    allowEmpty: allowEmpty === true,
  };
}

/** An existing source stays as it is: a nightly run must not undo what its owner has relabelled since. */
async function createSource(client: ApiClient, options: IngestOptions): Promise<void> {
  const { source, title = source, owner, level, compartment = [], trust = 'internal' } = options;
  const path = `/v1/sources/${encodeURIComponent(source)}`;
  try {
    await client.call('GET', path);
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.code !== 'not_found') throw error;
    await client.call('PUT', path, { title, owner, level, compartments: compartment, trust });
  }
}

function explained(error: unknown, source: string): unknown {
  if (!(error instanceof CommandFailure) || error.code !== 'not_found') return error;
  const message = `there is no source ${printable(source)} that this token may write into; --create makes one`;
  return new CommandFailure(message, { code: error.code, ...(error.requestId === undefined ? {} : { requestId: error.requestId }) });
}

function startBar(terminal: Terminal, source: string, files: number): SingleBar | undefined {
  if (!terminal.watched || files === 0) return undefined;
  const format = `${printable(source)} {bar} {value}/{total} documents · {eta_formatted}`;
  const bar = new SingleBar({ format, stream: process.stderr, hideCursor: true, clearOnComplete: true, barsize: 32 });
  bar.start(files, 0);
  return bar;
}

function printReport({ out, colors }: Terminal, report: SyncReport): void {
  const { source, created, changed, unchanged, deleted, chunks, pending, problems, failed, warnings } = report;
  out(`${printable(source)}: ${created} created, ${changed} changed, ${unchanged} unchanged, ${deleted} deleted (${chunks} chunks)`);
  if (pending > 0) out(`  ${pending} stored, and searchable once the index has caught up`);
  for (const { document, places } of warnings) {
    for (const { pointer, message } of places) out(`  ${colors.yellow('note')}     ${printable(`${document}: ${pointer}: ${message}`)}`);
  }
  for (const { document, message } of problems) out(`  ${colors.red('left out')} ${printable(`${document}: ${message}`)}`);
  for (const { document, code, detail, places } of failed) {
    out(`  ${colors.red('refused')}  ${printable(`${document}: ${code}: ${detail}`)}`);
    for (const { pointer, message } of places) out(`           ${printable(`${pointer}: ${message}`)}`);
  }
}
