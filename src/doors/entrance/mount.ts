import type { Caller, Scope } from '../../core/caller.ts';
import type { AppError } from '../../core/errors.ts';
import type { Reply } from './send.ts';

/** One request to a mount, after everything that the port asks of any request. */
export interface MountedCall {
  readonly caller: Caller;
  readonly requestId: string;
  readonly traceId: string | undefined;
  /** Aborted when the client goes away or the deadline passes. */
  readonly signal: AbortSignal;
  /** JSON without traps. */
  readonly body: unknown;
  /** Undefined where it is absent. */
  header(name: 'accept' | 'content-type' | 'mcp-protocol-version'): string | undefined;
}

/**
 * Another protocol under a path of the HTTP API: JSON by `POST` alone, behind the same authentication, rate limits, deadlines, access
 * log and drain, so that there is one entrance. A request from a page of another origin is refused, since a page can reach what its
 * browser can (DNS rebinding), and metadata of its own says where to get a token for it (RFC 9728).
 */
export interface Mount {
  /** Below the origin of the service, such as `/mcp`. */
  readonly path: string;
  readonly summary: string;
  readonly operationId: string;
  /** What the access token has to hold, and what the metadata and the challenge ask for. */
  readonly scope: Scope;
  /** Bytes of a body. */
  readonly bytes: number;
  /** Where people read about it. */
  readonly documentation: string;
  /** The whole body of a refusal. */
  refusal(error: AppError): unknown;
  post(call: MountedCall): Promise<Reply>;
}
