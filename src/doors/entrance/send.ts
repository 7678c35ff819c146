import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

export interface Reply {
  readonly status: number;
  /** Absent: no body. */
  readonly body?: unknown;
  /** Text or bytes that leave as they are, in place of `body`. */
  readonly raw?: string | Uint8Array;
  /** Of what leaves, where it is not JSON. */
  readonly type?: string;
  readonly headers?: OutgoingHttpHeaders;
}

export const JSON_TYPE = 'application/json';
/** One JSON value a line. */
export const NDJSON_TYPE = 'application/x-ndjson';
export const PROBLEM_TYPE = 'application/problem+json';

/** One stringify, one write; nothing where the client has gone or an answer has begun. */
export function send(res: ServerResponse, reply: Reply, type = JSON_TYPE): void {
  if (res.headersSent || res.destroyed) return;
  if (reply.body === undefined && reply.raw === undefined) {
    res.writeHead(reply.status, reply.headers).end();
    return;
  }
  const text = reply.raw ?? JSON.stringify(reply.body);
  // As a string it leaves in one write together with the head.
  res
    .writeHead(reply.status, { ...reply.headers, 'content-type': reply.type ?? type, 'content-length': Buffer.byteLength(text) })
    .end(text);
}
