const MAX_KEY = 64;
const MAX_PARTS = 12;

/**
 * RFC 6901 pointer into the caller's own body. Keys are cut to 64 characters: the pointer has to find the place, not to
 * carry it back.
 */
export function pointerTo(path: readonly PropertyKey[]): string {
  return path
    .slice(0, MAX_PARTS)
    .map((part) => `/${String(part).slice(0, MAX_KEY).toWellFormed().replaceAll('\0', '').replaceAll('~', '~0').replaceAll('/', '~1')}`)
    .join('');
}
