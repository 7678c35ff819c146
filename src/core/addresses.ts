/** Run by a browser that is given one as the address of a link, which is what an address is for. */
const RUNNABLE: ReadonlySet<string> = new Set(['javascript:', 'vbscript:', 'data:', 'blob:']);

/** UTF-16 units of a document's address. */
export const MAX_URI = 2_048;

/** Read as a browser reads it: in any case, with spaces before and line breaks inside. */
export function isRunnable(address: string): boolean {
  return RUNNABLE.has(URL.parse(address)?.protocol ?? '');
}
