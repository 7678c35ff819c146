import type { RawJson } from '../../core/points/raw-json.ts';

type Vectors = number | string | boolean | null | readonly Vectors[] | { readonly [name: string]: Vectors };

/**
 * The vectors of a point in the one spelling that stands for them, to be compared and never to be stored: names in one order (Qdrant gives
 * them in varying ones), numbers as Qdrant holds them, which is in 32 bits, and sparse vectors by their indices. So a client that writes
 * back what it read writes nothing new. Each vector of numbers becomes a text, which no vector on the wire is.
 */
export function canonicalVectors(raw: RawJson): string {
  const given = JSON.parse(raw) as Vectors;
  const only = isObject(given) && Object.keys(given).length === 1 ? given[''] : undefined;
  return JSON.stringify(canonical(only ?? given));
}

function canonical(value: Vectors): Vectors {
  if (isList(value)) return isNumbers(value) ? floats(value) : value.map(canonical);
  if (!isObject(value)) return value;
  const { indices, values } = value;
  if (isList(indices) && isList(values) && isNumbers(indices) && isNumbers(values) && indices.length === values.length) {
    return sparse(indices, values);
  }
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  // As pairs, since an object would put names that are numbers first.
  return { named: entries.map(([name, one]) => [name, canonical(one)]) };
}

/** Indices are whole numbers of up to 32 bits, of which a float holds 24. */
function sparse(indices: readonly number[], values: readonly number[]): Vectors {
  const order = [...indices.keys()].toSorted((a, b) => (indices[a] ?? 0) - (indices[b] ?? 0));
  return { indices: order.map((at) => String(indices[at])), values: floats(order.map((at) => values[at] ?? 0)) };
}

function floats(values: readonly number[]): string {
  // Adding 0 makes 0 of -0.
  return Buffer.from(Float32Array.from(values, (value) => value + 0).buffer).toString('base64');
}

function isList(value: Vectors | undefined): value is readonly Vectors[] {
  return Array.isArray(value);
}

function isNumbers(values: readonly Vectors[]): values is readonly number[] {
  return values.every((value) => typeof value === 'number');
}

function isObject(value: Vectors): value is { readonly [name: string]: Vectors } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
