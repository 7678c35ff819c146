/**
 * A client of Sluice's HTTP API in one file, with nothing but `fetch`: copy it, or import it. Every call has a deadline, repeats a 503 as
 * Retry-After says, and fails with a `SluiceError`.
 */
export interface SluiceClientOptions {
  /** Such as `https://sluice.example.com`. */
  readonly url: string;
  /** The access token of whoever asks, through this application. Asked for anew before each attempt where it is a function. */
  readonly token: string | (() => string | Promise<string>);
  /** For a whole call with its repetitions, milliseconds. 15,000 where absent. */
  readonly timeoutMs?: number;
  /** Repetitions after a 503. 2 where absent. */
  readonly retries?: number;
}

export interface SluiceClient {
  /** The chunks nearest to a query that this person, through this application, may read now. */
  retrieve(request: RetrieveRequest, options?: CallOptions): Promise<RetrieveAnswer>;
  /** Tells which of them went into a prompt, in its order. Of the prompt's text a digest is kept, sealed. */
  admitted(requestId: string, chunks: readonly string[], prompt?: string, options?: CallOptions): Promise<StageAnswer>;
  /** Tells which of them an answer cites. */
  cited(requestId: string, chunks: readonly string[], options?: CallOptions): Promise<StageAnswer>;
  /** What a model wrote, compared with what the request released. Show it where the decision is `allow`. */
  checkOutput(requestId: string, output: string, options?: CallOptions): Promise<OutputReport>;
  /** Whether a tool or outlet may receive what a session has seen. */
  checkSession(session: string, sink: Sink, options?: CallOptions): Promise<SinkAnswer>;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export type Trust = 'trusted' | 'internal' | 'external';

export interface Label {
  readonly level: string;
  readonly compartments: readonly string[];
  readonly trust: Trust;
}

export interface RetrieveRequest {
  readonly query?: string;
  readonly vector?: readonly number[];
  /** 1 to 100; 8 where absent. */
  readonly limit?: number;
  readonly sources?: readonly string[];
  /** Qdrant's filter language over `metadata.*`. */
  readonly filter?: object;
  readonly minTrust?: Trust;
  readonly maxLevel?: string;
  readonly purpose?: string;
  readonly session?: string;
  readonly context?: { readonly format: ContextFormat };
}

export type ContextFormat = 'xml' | 'messages' | 'datamark' | 'base64' | 'anthropic';

export interface RetrieveAnswer {
  /** By which the other calls name this one. */
  readonly requestId: string;
  readonly chunks: readonly Chunk[];
  /** Joint label of the chunks; absent where there are none. */
  readonly label?: Label;
  /** The chunks rendered for a prompt, where a format was asked for. */
  readonly context?: RenderedContext;
  /** Signed: what was released, as digests. `sluice verify manifest` checks it offline. */
  readonly manifest?: object;
  readonly session?: { readonly turns: number; readonly label?: Label };
  readonly limitedTo?: number;
}

export interface Chunk {
  readonly id: string;
  readonly rank: number;
  readonly score: number;
  readonly text: string;
  readonly provenance: {
    readonly source: { readonly id: string; readonly title: string };
    readonly document: { readonly id: string; readonly title: string; readonly uri?: string };
    readonly label: Label;
  };
}

/** `text` in the formats that are one text, `messages` in `messages`, blocks of `content` in `anthropic`. */
export interface RenderedContext {
  readonly format: ContextFormat;
  readonly digest: string;
  readonly text?: string;
  readonly messages?: readonly { readonly role: 'user'; readonly content: string }[];
  readonly content?: readonly object[];
  /** The character that stands for white space in `datamark`. */
  readonly marker?: string;
}

export interface StageAnswer {
  readonly requestId: string;
  readonly stage: 'admitted' | 'cited';
  /** False where the same report was there already. */
  readonly recorded: boolean;
}

/** Places are [start, end) in UTF-16 units of the output. */
export interface OutputReport {
  readonly requestId: string;
  readonly decision: 'allow' | 'flag' | 'block';
  readonly reasons: readonly string[];
  readonly findings?: {
    readonly cited: readonly ({ readonly chunk: string; readonly by: CitedBy } & Place)[];
    readonly quoted: readonly ({ readonly chunk: string; readonly cited: boolean } & Place)[];
    readonly unknown: readonly ({ readonly by: CitedBy } & Place)[];
    readonly unreadable: readonly string[];
  };
}

type CitedBy = 'id' | 'rank' | 'number';

interface Place {
  readonly start: number;
  readonly end: number;
}

export interface Sink {
  readonly level: string;
  readonly compartments?: readonly string[];
  readonly minTrust?: Trust;
}

export interface SinkAnswer {
  readonly allowed: boolean;
  readonly label?: Label;
  readonly reasons: readonly string[];
}

/**
 * `code`: of the service's table (docs/api.md, "Errors"), or `unreachable`, `timeout`, `aborted` or `unexpected_answer`. The message holds
 * no token and no text.
 */
export class SluiceError extends Error {
  readonly code: string;
  /** 0 where there was no answer. */
  readonly status: number;
  readonly requestId: string | undefined;
  /** Places in what was sent. */
  readonly errors: readonly { readonly pointer: string; readonly message: string }[];

  constructor(code: string, status: number, message: string, problem: Problem = {}, cause?: unknown) {
    super(`${code}: ${message}`, cause === undefined ? undefined : { cause });
    this.name = 'SluiceError';
    this.code = code;
    this.status = status;
    this.requestId = problem.requestId;
    this.errors = problem.errors ?? [];
  }
}

interface Problem {
  readonly code?: string;
  readonly detail?: string;
  readonly requestId?: string;
  readonly errors?: SluiceError['errors'];
}

const TIMEOUT_MS = 15_000;
const RETRIES = 2;
const PAUSE_MS = 500;

export function createSluiceClient(options: SluiceClientOptions): SluiceClient {
  const post = <T>(path: string, body: object, { signal }: CallOptions = {}): Promise<T> => call<T>(options, path, body, signal);
  const request = (id: string, stage: string): string => `/v1/requests/${encodeURIComponent(id)}/${stage}`;
  return {
    retrieve: (asked, more) => post('/v1/retrieve', asked, more),
    admitted: (id, chunks, prompt, more) => post(request(id, 'admitted'), { chunks, ...(prompt === undefined ? {} : { prompt }) }, more),
    cited: (id, chunks, more) => post(request(id, 'cited'), { chunks }, more),
    checkOutput: (id, output, more) => post(request(id, 'output'), { output }, more),
    checkSession: (session, sink, more) => post(`/v1/sessions/${encodeURIComponent(session)}/check`, { sink }, more),
  };
}

async function call<T>(options: SluiceClientOptions, path: string, body: object, caller: AbortSignal | undefined): Promise<T> {
  const { timeoutMs = TIMEOUT_MS, retries = RETRIES } = options;
  const deadline = AbortSignal.timeout(timeoutMs);
  const signal = caller === undefined ? deadline : AbortSignal.any([deadline, caller]);
  try {
    for (let attempt = 0; ; attempt++) {
      const answer = await send(options, path, body, signal);
      if (answer.ok) return (await jsonOf(answer)) as T;
      if (answer.status !== 503 || attempt >= retries) throw problemError(answer.status, await jsonOf(answer));
      await answer.body?.cancel();
      await pause(pauseMs(answer, attempt), signal);
    }
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    if (caller?.aborted === true) throw new SluiceError('aborted', 0, 'the call was given up', {}, error);
    if (deadline.aborted) throw new SluiceError('timeout', 0, `no answer in ${timeoutMs} ms`, {}, error);
    throw new SluiceError('unreachable', 0, 'the service could not be reached', {}, error);
  }
}

async function send({ url, token }: SluiceClientOptions, path: string, body: object, signal: AbortSignal): Promise<Response> {
  const bearer = typeof token === 'string' ? token : await token();
  const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
  // A token must not follow a redirect to somebody else.
  return fetch(`${url.replace(/\/+$/, '')}${path}`, { method: 'POST', headers, body: JSON.stringify(body), redirect: 'error', signal });
}

async function jsonOf(answer: Response): Promise<unknown> {
  const text = await answer.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new SluiceError('unexpected_answer', answer.status, 'the answer is not JSON');
  }
}

function problemError(status: number, body: unknown): SluiceError {
  const problem = (typeof body === 'object' && body !== null ? body : {}) as Problem;
  return new SluiceError(problem.code ?? 'unexpected_answer', status, problem.detail ?? `status ${status}`, problem);
}

/** As Retry-After says in seconds; else longer each time, and not the same for everybody. */
function pauseMs(answer: Response, attempt: number): number {
  const header = answer.headers.get('retry-after');
  const seconds = header === null ? Number.NaN : Number(header);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : PAUSE_MS * 2 ** attempt * (0.5 + Math.random() / 2);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    }, ms);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}
