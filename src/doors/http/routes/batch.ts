import { once } from 'node:events';
import type { Response } from 'express';
import { AppError } from '../../../core/errors.ts';
import type { Clock } from '../../../core/ports/clock.ts';
import type { Telemetry } from '../../../core/ports/telemetry.ts';
import type { DocumentRun, RequestContext } from '../../../ingestion/types.ts';
import { runInOrder, type Item } from '../batch.ts';
import { invite } from '../../entrance/body.ts';
import type { HttpDoorConfig } from '../config.ts';
import { documentParam, sourceParam } from '../input.ts';
import { parseInput } from '../../entrance/parse-input.ts';
import { parseJson } from '../../entrance/json-input.ts';
import { splitLines, type Line } from '../ndjson-lines.ts';
import { asProblemError, lineProblem } from '../problem.ts';
import type { Call, StreamRoute } from '../route.ts';
import { batchAnswerSchema } from '../schemas/answers.ts';
import { deleteLineSchema, documentLineSchema, toDocumentBody } from '../schemas/documents.ts';
import { NDJSON_TYPE } from '../../entrance/send.ts';
import type { HttpServices } from '../services.ts';

const WIDTH = 4;

export interface BatchOptions {
  readonly services: HttpServices;
  readonly config: HttpDoorConfig;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  /** Aborted once the service has begun to stop: no further line is taken. */
  readonly stop: AbortSignal;
}

interface Answer {
  readonly failed: boolean;
  readonly body: object;
}

/** Where the lines go, as one run. */
interface Target {
  readonly source: string;
  readonly run: DocumentRun;
}

type Parsed = { readonly document: string; readonly run: (context: RequestContext) => Promise<object> };

function parseLine(ingestion: DocumentRun, source: string, value: unknown): Parsed {
  if (typeof value === 'object' && value !== null && 'delete' in value) {
    const document = documentParam(parseInput(deleteLineSchema, value).document);
    return {
      document,
      run: async (context) => {
        await ingestion.deleteDocument(context, source, document);
        return { document, deleted: true };
      },
    };
  }
  const { document: name, ...input } = parseInput(documentLineSchema, value);
  const document = documentParam(name);
  const body = toDocumentBody(input);
  return { document, run: (context) => ingestion.putDocument(context, source, document, body) };
}

/** A line has its own deadline, and ends with the request. */
async function withDeadline<T>(context: RequestContext, deadlineMs: number, run: (context: RequestContext) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => controller.abort(context.signal.reason);
  const failed = new Promise<never>((_resolve, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason as AppError), { once: true });
  });
  const timer = setTimeout(() => controller.abort(new AppError('deadline_exceeded')), deadlineMs);
  context.signal.addEventListener('abort', stop, { once: true });
  if (context.signal.aborted) stop();
  try {
    return await Promise.race([run({ ...context, signal: controller.signal }), failed]);
  } finally {
    clearTimeout(timer);
    context.signal.removeEventListener('abort', stop);
  }
}

function failedAnswer(options: BatchOptions, line: number, document: string | undefined, failure: unknown): Answer {
  const error = asProblemError(failure);
  if (error.status >= 500) options.telemetry.log.error({ line, code: error.code }, 'line failed', error);
  return { failed: true, body: { line, ...(document === undefined ? {} : { document }), error: lineProblem(error) } };
}

function itemOf(options: BatchOptions, call: Call<undefined, undefined>, { source, run: ingestion }: Target, line: Line): Item<Answer> {
  const { number } = line;
  try {
    if (line.kind === 'too-long') throw new AppError('payload_too_large');
    const { document, run } = parseLine(ingestion, source, parseJson(line.bytes));
    return {
      key: document,
      async run() {
        try {
          return { failed: false, body: { line: number, ...(await withDeadline(call.context, options.config.limits.deadlineMs, run)) } };
        } catch (error) {
          return failedAnswer(options, number, document, error);
        }
      },
    };
  } catch (error) {
    const answer = failedAnswer(options, number, undefined, error);
    return { key: undefined, run: () => Promise.resolve(answer) };
  }
}

/** Fails where the batch as a whole must end: the client has gone, its token has ended, or the service is stopping. */
function checkMayGoOn(options: BatchOptions, call: Call<undefined, undefined>): void {
  if (call.context.signal.aborted) throw call.context.signal.reason as AppError;
  if (options.stop.aborted) throw new AppError('shutting_down');
  // Minutes may pass between the lines of one batch; a token does not live longer for it.
  if (options.clock.now() >= call.caller.expiresAt * 1_000) throw new AppError('invalid_token', { detail: 'ended within a batch' });
}

async function* itemsOf(
  options: BatchOptions,
  call: Call<undefined, undefined>,
  target: Target,
  lines: AsyncGenerator<Line, void>,
): AsyncGenerator<Item<Answer>, void> {
  for await (const line of lines) {
    checkMayGoOn(options, call);
    yield itemOf(options, call, target, line);
  }
}

async function writeLine(res: Response, body: object, signal: AbortSignal): Promise<void> {
  if (res.destroyed) throw new AppError('internal', { detail: 'the client went away' });
  if (!res.write(`${JSON.stringify(body)}\n`)) await once(res, 'drain', { signal });
}

/** `POST /v1/sources/{source}/documents`: answered line by line, in order, four lines at a time. */
export function batchRoute(options: BatchOptions): StreamRoute {
  const { limits } = options.config;
  return {
    kind: 'stream',
    method: 'post',
    path: '/v1/sources/{source}/documents',
    operationId: 'batchDocuments',
    summary: 'Write and delete documents, one a line. A line that fails takes no other with it.',
    scopes: ['ingest', 'sources'],
    query: undefined,
    mediaType: NDJSON_TYPE,
    lines: [documentLineSchema, deleteLineSchema],
    answers: [
      { status: 200, description: 'One line for each, then a last one with `done`.', schema: batchAnswerSchema, mediaType: NDJSON_TYPE },
    ],
    async handle(call, req, res) {
      const source = sourceParam(call.param('source'));
      invite(req, res);
      res.writeHead(200, { 'content-type': NDJSON_TYPE });
      res.flushHeaders();
      const counts = { lines: 0, failed: 0 };
      const run = options.services.ingestion.run(call.context, source);
      const bytes = req.iterator({ destroyOnReturn: false }) as AsyncIterator<Buffer>;
      const items = itemsOf(
        options,
        call,
        { source, run },
        splitLines(bytes, { maxBytes: limits.documentBytes, idleMs: limits.idleMs, stop: options.stop }),
      );
      const outcome = await runInOrder(items, WIDTH, async ({ failed, body }) => {
        counts.lines += 1;
        if (failed) counts.failed += 1;
        await writeLine(res, body, call.context.signal);
      });
      run.end(outcome.kind === 'done' ? 'whole' : 'broken');
      if (res.destroyed) return;
      const last =
        outcome.kind === 'done' ? { done: true, ...counts } : { done: false, ...counts, error: lineProblem(asProblemError(outcome.error)) };
      res.end(`${JSON.stringify(last)}\n`);
    },
  };
}
