import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { Caller, Scope } from '../../core/caller.ts';
import type { AppError } from '../../core/errors.ts';
import type { RequestContext } from '../../ingestion/types.ts';
import type { Reply } from '../entrance/send.ts';

export type Method = 'get' | 'put' | 'patch' | 'post' | 'delete';

/** What OpenAPI says of a successful answer in one media type. */
export interface AnswerSpec {
  readonly status: number;
  readonly description: string;
  readonly schema?: z.ZodType;
  /** JSON where it is absent. */
  readonly mediaType?: string;
}

interface Described {
  readonly method: Method;
  /** As in OpenAPI: `/v1/sources/{source}`; `{tile*}` takes the rest of the path. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly answers: readonly AnswerSpec[];
}

/** A route that anyone who reaches the port may ask. */
export interface PublicRoute extends Described {
  readonly kind: 'public';
  handle(req: Request, res: Response): void | Promise<void>;
}

/** One call of an authenticated route, everything in it parsed. */
export interface Call<Body, Query> {
  readonly caller: Caller;
  readonly context: RequestContext;
  readonly traceId: string | undefined;
  readonly body: Body;
  readonly query: Query;
  /** A path parameter, decoded once; the route parses it. */
  param(name: 'source' | 'document' | 'collection' | 'request' | 'session' | 'group' | 'id' | 'revision' | 'tile'): string;
  /** A header field of the request; undefined where it is absent. */
  header(name: 'if-match' | 'accept' | 'content-type' | 'mcp-protocol-version'): string | undefined;
}

/** A protocol with a media type and error bodies of its own. */
export interface Dialect {
  /** Media types that bodies may have; the first is that of answers. */
  readonly types: readonly [string, ...string[]];
  /** The whole body of a refusal. */
  problem(error: AppError): unknown;
}

interface Authenticated extends Described {
  /** Any of them lets the call in. The first is named in the challenge. */
  readonly scopes: readonly [Scope, ...Scope[]];
  readonly query: z.ZodType | undefined;
}

export interface CallRoute extends Authenticated {
  readonly kind: 'call';
  readonly dialect?: Dialect;
  /** `lossless`: numbers that JavaScript would change come as LosslessJson has them. */
  readonly body: { readonly schema: z.ZodType; readonly bytes: number; readonly lossless?: true } | undefined;
  handle(call: Call<unknown, unknown>): Promise<Reply>;
}

/** Reads its body and writes its answer itself, after authentication, scope, rate limit and media type. */
export interface StreamRoute extends Authenticated {
  readonly kind: 'stream';
  readonly mediaType: string;
  readonly lines: readonly z.ZodType[];
  handle(call: Call<undefined, undefined>, req: Request, res: Response): Promise<void>;
}

/** A long answer: text in parts, each sent when the one before has left. */
export interface Download {
  readonly type: string;
  /** What a browser would store it as. */
  readonly filename: string;
  readonly parts: AsyncIterable<string>;
}

/** Answers with a stream, after authentication, scope, rate limit and parsing. Its signal also ends when the service begins to stop. */
export interface DownloadRoute extends Authenticated {
  readonly kind: 'download';
  /** What resolves in time and begins; where it rejects, nothing was sent. */
  handle(call: Call<undefined, unknown>): Promise<Download>;
}

export type Route = PublicRoute | CallRoute | StreamRoute | DownloadRoute;

interface CallSpec<B extends z.ZodType, Q extends z.ZodType> extends Omit<CallRoute, 'kind' | 'body' | 'query' | 'handle'> {
  readonly body?: { readonly schema: B; readonly bytes: number; readonly lossless?: true };
  readonly query?: Q;
  handle(call: Call<z.output<B>, z.output<Q>>): Promise<Reply>;
}

/** Ties a handler to the output of its own schemas; the door parses with exactly those before it calls. */
export function callRoute<B extends z.ZodType, Q extends z.ZodType>(spec: CallSpec<B, Q>): CallRoute {
  const { handle, body, query, ...rest } = spec;
  return { kind: 'call', ...rest, body, query, handle: (call) => handle(call as Call<z.output<B>, z.output<Q>>) };
}

/** Ties a handler to the output of its own schema, as `callRoute` does. */
export function downloadRoute<Q extends z.ZodType>(
  spec: Omit<DownloadRoute, 'kind' | 'query' | 'handle'> & {
    readonly query: Q;
    handle(call: Call<undefined, z.output<Q>>): Promise<Download>;
  },
): DownloadRoute {
  const { handle, ...rest } = spec;
  return { kind: 'download', ...rest, handle: (call) => handle(call as Call<undefined, z.output<Q>>) };
}

/** `/v1/sources/{source}` as Express writes it; `{tile*}` takes all that is left of the path. */
export function expressPath(path: string): string {
  return path.replaceAll(/\{(\w+)\*\}/g, '*$1').replaceAll(/\{(\w+)\}/g, ':$1');
}
