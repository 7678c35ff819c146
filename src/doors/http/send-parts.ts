import { once } from 'node:events';
import type { Response } from 'express';
import type { Caller } from '../../core/caller.ts';
import { AppError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { Download } from './route.ts';

export interface SendingParts {
  /** Ends when the client goes or the service stops. */
  readonly signal: AbortSignal;
  readonly stop: AbortSignal;
  readonly clock: Clock;
  readonly idleMs: number;
  readonly caller: Pick<Caller, 'expiresAt'>;
}

/**
 * Sends parts as fast as the client takes them, holding one at a time. Rejects where it must end early: the client has gone or reads no
 * more, its token has ended, the service is stopping, or there is no next part. What was sent by then has no end, so it cannot be
 * taken for the whole.
 */
export async function sendParts(res: Response, { type, filename, parts }: Download, sending: SendingParts): Promise<void> {
  const { signal, stop, clock, caller } = sending;
  for await (const part of parts) {
    if (stop.aborted) throw new AppError('shutting_down', { retryAfter: 1 });
    if (signal.aborted || res.destroyed) throw new AppError('internal', { detail: 'the client went away' });
    if (clock.now() >= caller.expiresAt * 1_000) throw new AppError('invalid_token', { detail: 'ended within a download' });
    // The head leaves with the first part: until then a failure is still an answer of its own.
    if (!res.headersSent) res.writeHead(200, { 'content-type': type, 'content-disposition': `attachment; filename="${filename}"` });
    if (!res.write(part)) await drained(res, sending);
  }
  if (!res.headersSent) res.writeHead(200, { 'content-type': type, 'content-disposition': `attachment; filename="${filename}"` });
  res.end();
}

async function drained(res: Response, { signal, stop, idleMs }: SendingParts): Promise<void> {
  try {
    await once(res, 'drain', { signal: AbortSignal.any([signal, AbortSignal.timeout(idleMs)]) });
  } catch (cause) {
    if (stop.aborted) throw new AppError('shutting_down', { retryAfter: 1, cause });
    throw new AppError('internal', { detail: 'the client went away or reads no more', cause });
  }
}
