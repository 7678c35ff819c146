/** Rows, or values of one list, in one statement: databases bound the parameters. */
const SLICE = 200;

export function* slices<T>(items: readonly T[], size = SLICE): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
