import { z } from 'zod';
import type { Digest } from '../../core/digest.ts';
import type { JsonObject } from '../../core/json.ts';
import { expectShape, type ApiClient } from './api-client.ts';
import { asFailure, CommandFailure, type Place } from './failure.ts';

/** What a connector says is to be done; removals come last. */
export type SyncStep =
  | { readonly kind: 'put'; readonly document: { readonly document: string; readonly etag: Digest; readonly body: JsonObject } }
  | { readonly kind: 'unchanged'; readonly document: string }
  | { readonly kind: 'remove'; readonly document: string }
  | { readonly kind: 'problem'; readonly problem: { readonly document: string; readonly message: string } };

export interface Indexed {
  readonly document: string;
  /** What this writer sent last. Absent for documents that another writer wrote. */
  readonly writeDigest?: Digest | undefined;
}

/** Compares what the index holds with what there is. */
export type Connector = (indexed: readonly Indexed[]) => AsyncIterable<SyncStep>;

export interface SyncReport {
  readonly source: string;
  readonly created: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly deleted: number;
  readonly chunks: number;
  /** Stored, and not searchable yet. */
  readonly pending: number;
  /** Left out by the connector. */
  readonly problems: readonly { readonly document: string; readonly message: string }[];
  /** Refused by the service. */
  readonly failed: readonly {
    readonly document: string;
    readonly code: string;
    readonly detail: string;
    readonly places: readonly Place[];
  }[];
  readonly warnings: readonly { readonly document: string; readonly places: readonly Place[] }[];
}

/** Large enough to keep the service busy, small enough that a lost connection costs little. */
const MAX_LINES = 64;
const MAX_BYTES = 4_194_304;
const PAGE = 1_000;

const digest = z.custom<Digest>((value) => typeof value === 'string' && /^sha256:[0-9a-f]{64}$/.test(value));
const listing = z.object({
  documents: z.array(z.object({ document: z.string(), writeDigest: digest.optional() })),
  next: z.string().optional(),
});
const places = z.array(z.object({ pointer: z.string(), message: z.string() })).optional();
const lineError = z.object({ code: z.string(), detail: z.string(), errors: places });
const answerLine = z.union([
  z.object({ done: z.boolean(), error: lineError.optional() }),
  z.object({ line: z.int(), error: lineError }),
  z.object({ line: z.int(), deleted: z.literal(true) }),
  z.object({ line: z.int(), changed: z.boolean(), chunks: z.int(), pending: z.literal(true).optional(), warnings: places }),
]);

type Mutable<T> = { -readonly [K in keyof T]: T[K] extends readonly (infer U)[] ? U[] : T[K] };
type Tally = Mutable<SyncReport>;

interface Line {
  readonly document: string;
  readonly kind: 'create' | 'change' | 'delete';
  readonly bytes: Buffer;
}

interface Sync {
  readonly client: ApiClient;
  readonly path: string;
  readonly tally: Tally;
  readonly progress: () => void;
}

/**
 * Makes a source hold what the connector says, in batches, each line on its own: what fails takes no other line with it.
 * `progress` is called once a document that is dealt with. Repeating it after a failure of any kind heals.
 */
export async function syncSource(
  client: ApiClient,
  source: string,
  connector: Connector,
  progress: () => void = () => undefined,
): Promise<SyncReport> {
  const path = `/v1/sources/${encodeURIComponent(source)}/documents`;
  const indexed = await listIndexed(client, path);
  const known = new Set(indexed.map(({ document }) => document));
  const counts = { created: 0, changed: 0, unchanged: 0, deleted: 0, chunks: 0, pending: 0 };
  const tally: Tally = { source, ...counts, problems: [], failed: [], warnings: [] };
  const sync: Sync = { client, path, tally, progress };
  let batch: Line[] = [];
  let bytes = 0;
  for await (const step of connector(indexed)) {
    const line = lineOf(sync, known, step);
    if (line === undefined) continue;
    if (batch.length === MAX_LINES || bytes + line.bytes.length > MAX_BYTES) {
      await sendBatch(sync, batch);
      [batch, bytes] = [[], 0];
    }
    batch.push(line);
    bytes += line.bytes.length;
  }
  await sendBatch(sync, batch);
  return tally;
}

async function listIndexed(client: ApiClient, path: string): Promise<readonly Indexed[]> {
  const found: Indexed[] = [];
  for (let after: string | undefined, more = true; more; more = after !== undefined) {
    const query = new URLSearchParams({ limit: String(PAGE), ...(after === undefined ? {} : { after }) });
    const page = expectShape(listing, await client.call('GET', `${path}?${query.toString()}`));
    found.push(...page.documents);
    after = page.next;
  }
  return found;
}

function lineOf({ tally, progress }: Sync, known: ReadonlySet<string>, step: SyncStep): Line | undefined {
  switch (step.kind) {
    case 'unchanged':
      tally.unchanged += 1;
      progress();
      return undefined;
    case 'problem':
      tally.problems.push(step.problem);
      progress();
      return undefined;
    case 'remove':
      return { document: step.document, kind: 'delete', bytes: encode({ document: step.document, delete: true }) };
    case 'put': {
      const { document, etag, body } = step.document;
      return { document, kind: known.has(document) ? 'change' : 'create', bytes: encode({ document, etag, ...body }) };
    }
  }
}

function encode(line: JsonObject): Buffer {
  return Buffer.from(`${JSON.stringify(line)}\n`);
}

async function sendBatch(sync: Sync, batch: readonly Line[]): Promise<void> {
  if (batch.length === 0) return;
  let finished = false;
  for await (const value of sync.client.stream(sync.path, Buffer.concat(batch.map((line) => line.bytes)))) {
    const answer = expectShape(answerLine, value);
    if ('done' in answer) {
      if (answer.error !== undefined) {
        throw new CommandFailure(answer.error.detail, { code: answer.error.code, places: answer.error.errors ?? [] });
      }
      finished = true;
      continue;
    }
    const line = batch[answer.line - 1];
    if (line === undefined) throw asFailure(new Error('the service answered a line that was not sent'));
    count(sync.tally, line, answer);
    if (line.kind !== 'delete') sync.progress();
  }
  // Without its last line an answer was cut off, and nobody knows about the lines that are missing.
  if (!finished) throw new CommandFailure('the answer was cut off; run it again', { code: 'unexpected_answer' });
}

function count(tally: Tally, { document, kind }: Line, answer: Exclude<z.infer<typeof answerLine>, { done: boolean }>): void {
  if ('error' in answer) {
    const { code, detail, errors } = answer.error;
    // Somebody else deleted it first, which is what was wanted.
    if (kind === 'delete' && code === 'not_found') tally.deleted += 1;
    else tally.failed.push({ document, code, detail, places: errors ?? [] });
    return;
  }
  if ('deleted' in answer) {
    tally.deleted += 1;
    return;
  }
  if (!answer.changed) tally.unchanged += 1;
  else if (kind === 'create') tally.created += 1;
  else tally.changed += 1;
  tally.chunks += answer.chunks;
  if (answer.pending === true) tally.pending += 1;
  if (answer.warnings !== undefined) tally.warnings.push({ document, places: answer.warnings });
}
