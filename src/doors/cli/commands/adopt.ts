import { SingleBar } from 'cli-progress';
import { profileOf } from '../../../core/points/profiles.ts';
import { adoptedParams, type AdoptedParams } from '../adopt/adoption-params.ts';
import { foreignQdrant, type ForeignQdrant } from '../adopt/foreign-qdrant.ts';
import { readMap, type AdoptionMap } from '../adopt/map-file.ts';
import { survey, type Survey } from '../adopt/survey.ts';
import { writePoints } from '../adopt/write-points.ts';
import { createApiClient, type ApiClient } from '../api-client.ts';
import { CommandFailure, usage } from '../failure.ts';
import type { Commands } from '../program.ts';
import { printable, type Terminal } from '../terminal.ts';

interface AdoptOptions {
  readonly from: string;
  readonly fromApiKeyEnv?: string;
  readonly as: string;
  readonly map: string;
  readonly dryRun?: true;
  readonly leaveOut?: true;
  readonly withoutIdf?: true;
}

/** Brings a collection of another Qdrant in, point by point; what it was read from is not touched. */
export function addAdopt({ program, house, terminal, action }: Commands): void {
  program
    .command('adopt')
    .description('bring a collection of another Qdrant in, under the ACLs and labels that a map gives its points')
    .argument('<collection>', 'its name over there')
    .requiredOption('--from <url>', 'the other Qdrant')
    .option('--from-api-key-env <name>', 'the environment variable that holds its key')
    .requiredOption('--as <name>', 'the name of the collection here')
    .requiredOption('--map <file>', 'YAML: where in a payload stand text, source, ACL and label')
    .option('--dry-run', 'only say what is missing')
    .option('--leave-out', 'adopt the others where something is missing')
    .option('--without-idf', 'sparse vectors without the IDF of the server: scores change')
    .action(
      action(async (json, command) => {
        const options = command.opts<AdoptOptions>();
        const map = await readMap(options.map);
        const foreign = foreignQdrant({
          url: urlOf(options.from),
          apiKey: keyOf(options, house.secret),
          collection: command.args[0] ?? '',
        });
        const client = createApiClient(house.clientSettings());
        const bars = progressBars(json ? undefined : terminal);
        try {
          return await adopt({ foreign, client, bars, terminal, json }, map, options);
        } finally {
          bars.end();
          await foreign.close();
          await client.close();
        }
      }),
    );
}

interface AdoptParts {
  readonly foreign: ForeignQdrant;
  readonly client: ApiClient;
  readonly bars: ProgressBars;
  readonly terminal: Terminal;
  readonly json: boolean;
}

/** Reads everything once before anything is written, so that a map with a gap exposes nothing. */
async function adopt({ foreign, client, bars, terminal, json }: AdoptParts, map: AdoptionMap, options: AdoptOptions): Promise<number> {
  const { params, points, indexed } = await foreign.describe();
  const made = adoptedParams(params);
  demandNoIdf(made, options);
  const profile = profileOf(map.profile);
  const found = await survey({ foreign, client, progress: bars.begin('reading', points) }, map, profile);
  bars.end();
  const complete = found.problems.length === 0;
  if (!json) printSurvey(terminal, found);
  if (options.dryRun === true || (!complete && options.leaveOut !== true)) {
    const why = options.dryRun === true ? '--dry-run' : 'see above; --leave-out adopts the others';
    terminal.out(json ? JSON.stringify({ ...reportOf(found), written: 0 }) : `nothing was written: ${why}`);
    return complete ? 0 : 1;
  }
  await putCollection(client, options.as, map, made);
  const progress = bars.begin('writing', found.points);
  const done = await writePoints({ foreign, client, progress }, { as: options.as, map, profile, survey: found });
  bars.end();
  if (json) terminal.out(JSON.stringify({ ...reportOf(found), ...done, indexes: indexed }));
  else printDone(terminal, options.as, done, indexed);
  return 0;
}

function urlOf(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) throw usage('--from needs the http or https address of a Qdrant');
  if (url.username !== '' || url.password !== '') throw usage('--from must hold no password; name its key with --from-api-key-env');
  return text;
}

function keyOf({ fromApiKeyEnv }: AdoptOptions, secret: (name: string) => string | undefined): string | undefined {
  if (fromApiKeyEnv === undefined) return undefined;
  const key = secret(fromApiKeyEnv);
  if (key === undefined || key === '') throw usage(`${fromApiKeyEnv} is not set`);
  return key;
}

function demandNoIdf({ idf }: AdoptedParams, { withoutIdf }: AdoptOptions): void {
  if (idf.length === 0 || withoutIdf === true) return;
  const message =
    `the old server weighs the terms of ${idf.map(printable).join(', ')} by how many points hold them (modifier: idf). That tells about ` +
    'points that somebody may not read, so it is not done here. With --without-idf the vectors are adopted as they are: their scores ' +
    'change. Better: weigh terms where the vectors are made, and write them again';
  throw new CommandFailure(message, { code: 'idf' });
}

async function putCollection(client: ApiClient, name: string, map: AdoptionMap, made: AdoptedParams): Promise<void> {
  const { profile, writer, byClient, defaultAcl } = map;
  await client.call('PUT', `/v1/collections/${encodeURIComponent(name)}`, {
    profile,
    ...(writer === undefined ? {} : { source: writer }),
    ...(byClient === undefined ? {} : { byClient }),
    ...(defaultAcl === undefined ? {} : { defaultAcl: Array.isArray(defaultAcl) ? { allow: defaultAcl } : defaultAcl }),
    ...(made.vectors === undefined ? {} : { vectors: made.vectors }),
    ...(made.sparseVectors === undefined ? {} : { sparseVectors: made.sparseVectors }),
  });
}

function reportOf({ points, bySource, problems }: Survey): object {
  return { points, sources: Object.fromEntries(bySource), problems };
}

function printSurvey({ out, colors }: Terminal, { points, bySource, problems }: Survey): void {
  out(`${points} points`);
  for (const [source, some] of bySource) out(`  ${some} into ${printable(source)}`);
  for (const { what, detail, points: some, ids } of problems) {
    const about = detail === undefined ? '' : ` ${printable(detail)}`;
    const more = some > ids.length ? ', …' : '';
    out(
      `  ${colors.red('missing')} ${some} ${some === 1 ? 'point' : 'points'}: ${printable(what)}${about} (${ids.map(printable).join(', ')}${more})`,
    );
  }
}

function printDone(
  { out }: Terminal,
  as: string,
  { written, leftOut }: { readonly written: number; readonly leftOut: number },
  indexed: readonly string[],
): void {
  out(`${printable(as)}: ${written} points are as they were given, ${leftOut} left out`);
  if (indexed.length > 0)
    out(`  payload indexes over there, to be made at the door where they are wanted: ${indexed.map(printable).join(', ')}`);
}

interface ProgressBars {
  /** Gives what is called with each further number of points. */
  begin(what: string, total: number): (points: number) => void;
  end(): void;
}

function progressBars(terminal: Terminal | undefined): ProgressBars {
  let bar: SingleBar | undefined;
  return {
    begin(what, total) {
      if (terminal?.watched !== true || total === 0) return () => undefined;
      const format = `${what} {bar} {value}/{total} points · {eta_formatted}`;
      bar = new SingleBar({ format, stream: process.stderr, hideCursor: true, clearOnComplete: true, barsize: 32 });
      bar.start(total, 0);
      return (points) => bar?.increment(points);
    },
    end() {
      bar?.stop();
      bar = undefined;
    },
  };
}
