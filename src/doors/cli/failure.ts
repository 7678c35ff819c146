import { AppError } from '../../core/errors.ts';

/** A place in the caller's input, as problems name it. */
export interface Place {
  readonly pointer: string;
  readonly message: string;
}

/** 1: refused, or found wrong. 2: the command was not usable as it was written. */
export type FailureCode = 1 | 2;

export interface FailureOptions {
  readonly code?: string;
  readonly exitCode?: FailureCode;
  readonly places?: readonly Place[];
  readonly requestId?: string;
  readonly cause?: unknown;
}

/** Why a command did not do what it was asked to; `message` is for people, `code` for scripts. */
export class CommandFailure extends Error {
  readonly code: string;
  readonly exitCode: FailureCode;
  readonly places: readonly Place[];
  readonly requestId: string | undefined;

  constructor(message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'CommandFailure';
    this.code = options.code ?? 'failed';
    this.exitCode = options.exitCode ?? 1;
    this.places = options.places ?? [];
    this.requestId = options.requestId;
  }
}

export function usage(message: string): CommandFailure {
  return new CommandFailure(message, { code: 'usage', exitCode: 2 });
}

/** Anything thrown, as what can be shown. On the machine itself the detail of an AppError is no secret. */
export function asFailure(error: unknown): CommandFailure {
  if (error instanceof CommandFailure) return error;
  if (error instanceof AppError) {
    const { code, message, publicMessage, issues, cause } = error;
    const reason = cause instanceof Error && cause.message !== '' ? `: ${cause.message}` : '';
    return new CommandFailure(`${message === code ? publicMessage : message}${reason}`, { code, places: issues, cause });
  }
  // A programming error without its stack could not be reported by whoever sees it.
  const message = error instanceof Error ? (isFault(error) ? (error.stack ?? error.message) : error.message) : String(error);
  return new CommandFailure(message, { cause: error });
}

function isFault(error: Error): boolean {
  return [TypeError, RangeError, ReferenceError].some((kind) => error instanceof kind);
}
