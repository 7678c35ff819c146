import type { Terminal } from '../src/doors/cli/terminal.ts';
import { stopSignal, type StopSignal } from '../src/service/stop-signal.ts';
import { createPage, type Page } from './page.ts';
import type { SceneResult } from './scene.ts';
import { relabelledSource, revokedRight } from './scenes-changing.ts';
import { tracedAnswer, verifiedAudit } from './scenes-proving.ts';
import { poisonedPage, threePeople, twoApplications } from './scenes-reading.ts';
import { setStage, type Stage } from './stage.ts';

export interface DemoOptions {
  readonly json: boolean;
  /** Keeps running afterwards until told to stop. */
  readonly serve: boolean;
  readonly version: string;
  readonly terminal: Terminal;
}

const SCENES: readonly ((stage: Stage) => Promise<SceneResult>)[] = [
  threePeople,
  twoApplications,
  relabelledSource,
  revokedRight,
  poisonedPage,
  tracedAnswer,
  verifiedAudit,
];

/** Shows what Sluice does and checks that it is so. 0 where every check held, 1 otherwise, 130 where it was interrupted. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const stop = stopSignal();
  const teller = options.json ? tellJson(options.terminal) : tellPeople(createPage(options.terminal));
  const started = performance.now();
  const stage = await setStage(options.version, (report) => teller.ingested(report));
  try {
    teller.ready(stage, seconds(started));
    const results: SceneResult[] = [];
    for (const play of SCENES) {
      const result = await Promise.race([play(stage), stop.received.then(() => undefined)]);
      if (result === undefined) return 130;
      results.push(result);
      teller.scene(results.length, result);
    }
    const ok = results.every(({ checks }) => checks.every((check) => check.ok));
    if (options.serve) teller.serving(stage);
    teller.done(ok, results, seconds(started));
    if (options.serve) await stayOpen(stop);
    return ok ? 0 : 1;
  } finally {
    await stage.close();
    stop.forget();
  }
}

async function stayOpen(stop: StopSignal): Promise<void> {
  await stop.received;
}

function seconds(since: number): number {
  return Math.round((performance.now() - since) / 100) / 10;
}

interface Teller {
  ingested(report: { readonly source: string; readonly created: number; readonly chunks: number }): void;
  ready(stage: Stage, seconds: number): void;
  scene(number: number, result: SceneResult): void;
  serving(stage: Stage): void;
  done(ok: boolean, results: readonly SceneResult[], seconds: number): void;
}

function tellPeople(page: Page): Teller {
  page.title('what may this person, through this application, read now?');
  return {
    ingested: () => undefined,
    ready(stage, took) {
      page.note(
        `Acme Tidal: ${stage.documents.size} documents in ${stage.sources} sources, indexed in a temporary directory, ready in ${took} s`,
      );
    },
    scene: (number, result) => page.scene(number, result),
    serving(stage) {
      const [, ...addresses] = stage.development.greeting;
      page.title(`keeps running at ${stage.development.url} until Ctrl-C`);
      for (const line of addresses) page.note(line);
    },
    done(ok, results, took) {
      const checks = results.flatMap((result) => result.checks);
      const broken = checks.filter((check) => !check.ok).length;
      page.end(ok, ok ? `All ${checks.length} checks held, in ${took} s.` : `${broken} of ${checks.length} checks did not hold.`);
    },
  };
}

function tellJson({ out }: Pick<Terminal, 'out'>): Teller {
  const tell = (event: string, fields: object): void => out(JSON.stringify({ event, ...fields }));
  return {
    ingested: ({ source, created, chunks }) => tell('ingested', { source, documents: created, chunks }),
    ready: ({ development, documents, sources }, took) =>
      tell('ready', { url: development.url, documents: documents.size, sources, seconds: took }),
    scene(_number, { columns, lines, checks, facts = {}, ...rest }) {
      const answers = columns.map(({ name, answer: { requestId, shown } }) => ({ name, requestId, shown }));
      tell('scene', { ...rest, ok: checks.every(({ ok }) => ok), checks, answers, lines, ...facts });
    },
    serving: ({ development }) =>
      tell('serving', { url: development.url, qdrantUrl: development.qdrantUrl, issuer: development.issuer.url }),
    done: (ok, results, took) =>
      tell('done', { ok, scenes: results.length, checks: results.flatMap(({ checks }) => checks).length, seconds: took }),
  };
}
