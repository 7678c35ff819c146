/** SQLSTATE classes: data exception, integrity constraint violation, program limit exceeded. */
const SQLSTATE = /^(22|23|54)...$/;
/** SQLITE_TOOBIG, SQLITE_CONSTRAINT, SQLITE_MISMATCH: the low byte of an extended code. */
const SQLITE = new Set([18, 19, 20]);

/** True where the database refused what it was given, so that writing the rest without it can succeed. */
export function isOwnFault(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if ('errcode' in error && typeof error.errcode === 'number') return SQLITE.has(error.errcode & 0xff);
  return 'code' in error && typeof error.code === 'string' && SQLSTATE.test(error.code);
}
