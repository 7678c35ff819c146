import { AppError, type InputIssue } from '../../core/errors.ts';

/** Runs, and says of a refusal which point of the request it is about. */
export function atPoint<T>(place: number, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw placed(error, place);
  }
}

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
