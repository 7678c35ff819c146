const MAX_CAUSES = 5;
const MAX_STACK = 4_000;

export interface ErrorReport {
  readonly name: string;
  readonly code?: string;
  readonly message: string;
  readonly stack?: string;
  readonly causes?: readonly ErrorReport[];
}

/**
 * An error for the log: name, code, message and stack, and its causes. Other properties are left out, since libraries
 * put requests, rows and headers there.
 */
export function describeError(error: unknown, depth = 0): ErrorReport {
  if (!(error instanceof Error)) return { name: 'NotAnError', message: typeof error };
  const code: unknown = 'code' in error ? error.code : undefined;
  const causes = depth < MAX_CAUSES ? causesOf(error).map((cause) => describeError(cause, depth + 1)) : [];
  return {
    name: error.name,
    ...(typeof code === 'string' ? { code } : {}),
    message: error.message.slice(0, MAX_STACK),
    ...(error.stack === undefined ? {} : { stack: error.stack.slice(0, MAX_STACK) }),
    ...(causes.length > 0 ? { causes } : {}),
  };
}

function causesOf(error: Error): readonly unknown[] {
  const several: readonly unknown[] = error instanceof AggregateError ? error.errors.slice(0, MAX_CAUSES) : [];
  return error.cause === undefined ? several : [error.cause, ...several];
}
