import { Agent, request, type Dispatcher } from 'undici';
import { z } from 'zod';
import { CommandFailure, usage } from './failure.ts';

export interface ApiClientOptions {
  /** Of the service, without a slash at its end. */
  readonly url: string;
  readonly token: string | undefined;
}

export interface ApiClient {
  /** Sends JSON and gives the answer's JSON; undefined where it has none. Fails with a CommandFailure of the problem's code. */
  call(method: 'GET' | 'PUT' | 'PATCH' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<unknown>;
  /** GET; the body of the answer as it came, and one of its header fields. */
  bytes(path: string, header: string): Promise<{ readonly body: Uint8Array; readonly header: string | undefined }>;
  /** GET; the body of the answer in parts as they come, however long it is. */
  download(path: string): AsyncGenerator<Uint8Array, void>;
  /** Sends lines of NDJSON and gives those of the answer as they come. */
  stream(path: string, lines: Buffer): AsyncGenerator<unknown, void>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 60_000;
const CONNECT_MS = 5_000;

const problemSchema = z.object({
  code: z.string(),
  detail: z.string(),
  requestId: z.string().optional(),
  errors: z.array(z.object({ pointer: z.string(), message: z.string() })).optional(),
});

/** A client of the HTTP API for one bearer. Close it when done. */
export function createApiClient({ url, token }: ApiClientOptions): ApiClient {
  const dispatcher = new Agent({ connections: 4, headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS, connect: { timeout: CONNECT_MS } });

  async function sent(method: Dispatcher.HttpMethod, path: string, type: string, body: Buffer | string | undefined) {
    if (token === undefined) throw usage('set SLUICE_TOKEN to an access token; in development: sluice token --as <user>');
    const headers = { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': type }) };
    const answer = await request(`${url}${path}`, { method, dispatcher, headers, body: body ?? null }).catch((error: unknown) => {
      throw unreachable(url, error);
    });
    if (answer.statusCode >= 400) throw problemFailure(url, answer.statusCode, await answer.body.text());
    return answer;
  }
  const send = async (...given: Parameters<typeof sent>) => (await sent(...given)).body;

  return {
    async call(method, path, body) {
      const answer = await send(method, path, 'application/json', body === undefined ? undefined : JSON.stringify(body));
      const text = await answer.text();
      return text === '' ? undefined : parse(url, text);
    },
    async bytes(path, header) {
      const answer = await sent('GET', path, 'application/json', undefined);
      const field = answer.headers[header];
      return { body: await answer.body.bytes(), header: typeof field === 'string' ? field : undefined };
    },
    async *download(path) {
      const answer = await send('GET', path, 'application/json', undefined);
      try {
        for await (const part of answer as AsyncIterable<Uint8Array>) yield part;
      } catch (error) {
        throw unreachable(url, error);
      }
    },
    async *stream(path, lines) {
      const answer = await send('POST', path, 'application/x-ndjson', lines);
      try {
        for await (const line of linesOf(answer)) yield parse(url, line);
      } catch (error) {
        throw error instanceof CommandFailure ? error : unreachable(url, error);
      }
    },
    close: () => dispatcher.close(),
  };
}

/** GET of a public document, without a token. */
export async function getPublic(url: string, path: string): Promise<unknown> {
  const answer = await request(`${url}${path}`, { headersTimeout: CONNECT_MS, bodyTimeout: CONNECT_MS }).catch((error: unknown) => {
    throw unreachable(url, error);
  });
  const text = await answer.body.text();
  if (answer.statusCode >= 400) throw problemFailure(url, answer.statusCode, text);
  return parse(url, text);
}

async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const bytes of body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

function parse(url: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CommandFailure(`${url} did not answer as Sluice does`, { code: 'unexpected_answer' });
  }
}

/** Reads an answer of the service, which may have more fields than this version knows. */
export function expectShape<T>(schema: z.ZodType<T>, answer: unknown): T {
  const read = schema.safeParse(answer);
  if (read.success) return read.data;
  throw new CommandFailure('the service did not answer as Sluice does', { code: 'unexpected_answer', cause: read.error });
}

function problemFailure(url: string, status: number, text: string): CommandFailure {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const read = problemSchema.safeParse(value);
  if (!read.success) return new CommandFailure(`${url} answered ${status}, but not as Sluice does`, { code: 'unexpected_answer' });
  const { code, detail, requestId, errors } = read.data;
  return new CommandFailure(detail, { code, places: errors ?? [], ...(requestId === undefined ? {} : { requestId }) });
}

function unreachable(url: string, error: unknown): CommandFailure {
  const reason = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
  return new CommandFailure(`${url} cannot be reached${reason}; is the service running, and is SLUICE_URL right?`, {
    code: 'unreachable',
    cause: error,
  });
}
