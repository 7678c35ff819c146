/**
 * All names that begin with this source and document and go on, as `contentName` makes them: between a comma and the character after it.
 * Both databases order names by code point.
 */
export function nameRange(source: string, document: string): { readonly from: string; readonly to: string } {
  const open = JSON.stringify([source, document]).slice(0, -1);
  return { from: `${open},`, to: `${open}-` };
}
