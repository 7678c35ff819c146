import { AppError, type InputIssue } from '../../core/errors.ts';

/** Runs, and says of a refusal which point of the request it is about. */
export function atPoint<T>(place: number, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw placed(error, place);
  }
}

/**
 * What needs a look at what is there, asked of every point of a write. Of several the refusal says neither which nor why: beside one
 * that is sure to be refused, a writer could otherwise try out the ACL of a hidden one, write after write, and leave no trace.
 */
export function allPermitted(asked: readonly { readonly place: number; readonly permit: () => void }[]): void {
  for (const { place, permit } of asked) {
    try {
      permit();
    } catch (error) {
      if (asked.length === 1 || !(error instanceof AppError) || error.status >= 500) throw placed(error, place);
      throw new AppError('forbidden', { cause: error, issues: [{ pointer: '', message: BEYOND }] });
    }
  }
}

const BEYOND = 'at least one of these points is beyond what the writer may do; written one by one, each says so of itself';

/** The same failure with the place in front. What is no refusal of input stays what it is. */
export function placed(error: unknown, place: number): unknown {
  if (!(error instanceof AppError) || error.status >= 500 || error.code === 'conflict' || error.code === 'not_found') return error;
  const issues: readonly InputIssue[] = error.issues.length > 0 ? error.issues : [{ pointer: '', message: error.publicMessage }];
  return new AppError(error.code, {
    detail: error.message,
    cause: error,
    issues: issues.map(({ pointer, message }) => ({ pointer: `/points/${place}${pointer}`, message })),
  });
}

/** A refusal about a field of one point's payload. */
export function fieldRefusal(path: string, message: string): AppError {
  return new AppError('invalid_request', { issues: [{ pointer: `/payload/${path.replaceAll('.', '/')}`, message }] });
}
