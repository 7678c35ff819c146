import type { Json } from './lossless.ts';
import type { OpenApi, Operation, Schema } from './openapi.ts';
import type { Random } from './random.ts';

/** What the schema does not say: what a collection holds. */
export interface Hints {
  /** Point ids to name: of points that are there, hidden, or nowhere. */
  readonly ids: readonly Json[];
  /** `''` is the unnamed vector. */
  readonly vectors: readonly { readonly name: string; readonly kind: 'dense' | 'sparse' | 'multi'; readonly size: number }[];
  /** Payload paths with values that occur there. `order`: has an index that can order. */
  readonly fields: readonly { readonly key: string; readonly values: readonly Json[]; readonly facet?: true; readonly order?: true }[];
  readonly payload: (random: Random) => Json;
  /** Names that stand for other collections in `lookup_from` and `with_lookup`. */
  readonly collections: readonly string[];
}

export interface Request {
  readonly operation: string;
  readonly method: string;
  /** With the collection filled in by whoever sends it: `{collection_name}` stays. */
  readonly path: string;
  readonly body: Json | undefined;
}

/** Members that mean little to an answer or are refused by design; rare, so that most requests get through. */
const RARE = new Set(['shard_key', 'lookup_from', 'with_lookup', 'update_filter', 'consistency', 'timeout', 'ordering']);
const USUAL = new Set([
  'query',
  'filter',
  'limit',
  'positive',
  'vector',
  'with_payload',
  'target',
  'context',
  'order_by',
  'match',
  'points',
  'payload',
]);
const INFERENCE = new Set(['Document', 'Image', 'InferenceObject']);
const MOST_DEPTH = 7;

export interface RequestGenerator {
  /** A request of this operation; a part of them is a little wrong. */
  request(operation: Operation, wrong: boolean): Request;
  value(schema: Schema): Json;
}

/** Random bodies by Qdrant's own schema, with `hints` where a value has to mean something. */
export function requestGenerator(api: OpenApi, hints: Hints, random: Random): RequestGenerator {
  const usings = [pickUsing()];
  const vector = () => usings.at(-1) ?? hints.vectors[0];

  function pickUsing(): Hints['vectors'][number] {
    return random.pick(hints.vectors);
  }
  const float = (): number => Math.round((random.next() * 2 - 1) * 1_000) / 1_000;
  const dense = (size: number): Json => Array.from({ length: size }, float);
  const sparse = (): Json => {
    const indices = random.some(
      Array.from({ length: 12 }, (_, n) => n),
      1,
      4,
    );
    // Sums of their products are exact in 32 bits, in whatever order they are added.
    return { indices, values: indices.map(() => (1 + random.below(1_023)) / 1_024) };
  };
  const field = () => random.pick(hints.fields);
  const fieldWith = (wanted: 'facet' | 'order') => {
    const fit = hints.fields.filter((one) => one[wanted] === true);
    return random.pick(fit.length > 0 && random.chance(0.9) ? fit : hints.fields);
  };
  const vectorOf = (one = vector()): Json => {
    if (one?.kind === 'sparse') return sparse();
    if (one?.kind === 'multi') return Array.from({ length: 1 + random.below(3) }, () => dense(one.size));
    return dense(one?.size ?? 1);
  };

  /** Types whose values have to fit the collection. */
  const special: Readonly<Record<string, (depth: number) => Json>> = {
    ExtendedPointId: () => random.pick(hints.ids),
    VectorInput: (depth) => (random.chance(0.02) ? plain('VectorInput', depth) : random.chance(0.4) ? random.pick(hints.ids) : vectorOf()),
    RecommendExample: () => (random.chance(0.6) ? random.pick(hints.ids) : vectorOf()),
    NamedVectorStruct: () => {
      const fit = hints.vectors.filter((one) => one.kind !== 'multi');
      const { name, kind, size } = random.pick(fit);
      return name === '' ? dense(size) : { name, vector: vectorOf({ name, kind, size }) };
    },
    VectorStruct: () => {
      const unnamed = hints.vectors.find(({ name }) => name === '');
      const named = random.chance(0.8) ? hints.vectors : random.some(hints.vectors, 1, hints.vectors.length);
      return unnamed === undefined ? Object.fromEntries(named.map((one) => [one.name, vectorOf(one)])) : vectorOf(unnamed);
    },
    UsingVector: () => vector()?.name ?? '',
    Payload: () => hints.payload(random),
    FieldCondition: (depth) => (random.chance(0.4) ? plain('FieldCondition', depth) : condition()),
    Expression: (depth) => (depth > 3 ? random.pick<Json>([0.5, '$score', field().key]) : plain('Expression', depth)),
    LookupLocation: () => ({ collection: random.pick(hints.collections) }),
    WithLookupInterface: () => random.pick(hints.collections),
    WithVector: () => random.pick<Json>([true, false, false, hints.vectors.map(({ name }) => name).filter((name) => name !== '')]),
    OrderBy: () => {
      const { key, values } = fieldWith('order');
      const from = random.chance(0.3) ? { start_from: random.pick(values) } : {};
      return { key, direction: random.pick(['asc', 'desc']), ...from };
    },
  };

  function condition(): Json {
    const { key, values } = field();
    const value = random.pick(values);
    const kind = random.below(7);
    if (kind < 2) return { key, match: { value } };
    if (kind === 2) return { key, match: { any: random.some(values, 1, 3) } };
    if (kind === 3) return { key, match: { except: random.some(values, 1, 2) } };
    if (kind === 4 && typeof value === 'number') return { key, range: { [random.pick(['gt', 'gte', 'lt', 'lte'])]: value } };
    if (kind === 4 && typeof value === 'string') return { key, match: { text: value.split(/\W/)[0] ?? '' } };
    return kind === 5 ? { is_empty: { key } } : { key, values_count: { gte: random.below(3) } };
  }

  /** Members that are a plain string or number in the schema, and mean something by their name. */
  const named: Readonly<Record<string, (schema: Schema) => Json | undefined>> = {
    key: () => field().key,
    group_by: () => fieldWith('facet').key,
    keys: () => random.some(hints.fields, 1, 2).map(({ key }) => key),
    include: () => random.some(hints.fields, 1, 3).map(({ key }) => key),
    exclude: () => random.some(hints.fields, 1, 3).map(({ key }) => key),
    using: () => vector()?.name || undefined,
    has_vector: () => pickUsing().name,
    datetime_key: () => field().key,
    order_by: () => (random.chance(0.3) ? fieldWith('order').key : special['OrderBy']?.(0)),
    limit: () => 1 + random.below(12),
    offset: (schema) => (schema.kind === 'number' ? random.below(4) : undefined),
    score_threshold: () => (random.chance(0.2) ? float() / 2 : undefined),
    min_count: () => random.below(3),
    update_mode: () => undefined,
  };

  function plain(name: string, depth: number): Json {
    return value(api.schema(name), depth);
  }

  function member(name: string, schema: Schema, depth: number): Json | undefined {
    const own = named[name];
    const simple = schema.kind === 'union' ? (schema.of.find(({ kind }) => kind !== 'null') ?? schema) : schema;
    if (own !== undefined && !(name === 'offset' && simple.kind !== 'number')) return own(simple);
    return value(schema, depth);
  }

  function object(members: Extract<Schema, { kind: 'object' }>['members'], depth: number): Json {
    const within = 'using' in members || 'vector' in members;
    if (within) usings.push(pickUsing());
    const made: Record<string, Json> = {};
    for (const [name, { optional, schema }] of Object.entries(members)) {
      const often = RARE.has(name) ? 0.01 : USUAL.has(name) ? 0.75 : Math.max(0.05, 0.3 - depth * 0.04);
      if (optional && name !== 'using' && !random.chance(often)) continue;
      const one = member(name, schema, depth + 1);
      if (one !== undefined) made[name] = one;
    }
    if (within) usings.pop();
    return made;
  }

  function union(of: readonly Schema[], depth: number): Json {
    const refs = of.filter((one) => !(one.kind === 'ref' && INFERENCE.has(one.name)) && (one.kind !== 'null' || random.chance(0.1)));
    const shallow = refs.filter((one) => one.kind !== 'ref' || !/^(?:Filter|NestedCondition|Prefetch|.*Expression)$/.test(one.name));
    const from = random.chance(0.01) ? of : depth >= MOST_DEPTH && shallow.length > 0 ? shallow : refs;
    return value(random.pick(from.length > 0 ? from : of), depth);
  }

  function value(schema: Schema, depth = 0): Json {
    switch (schema.kind) {
      case 'ref':
        return special[schema.name]?.(depth) ?? plain(schema.name, depth);
      case 'union':
        return union(schema.of, depth);
      case 'all':
        return Object.assign({}, ...schema.of.map((one) => value(one, depth))) as Json;
      case 'object':
        return object(schema.members, depth);
      case 'list':
        return Array.from({ length: random.chance(0.1) ? 0 : 1 + random.below(depth > 3 ? 1 : 3) }, () => value(schema.of, depth + 1));
      case 'tuple':
        return schema.of.map((one) => value(one, depth + 1));
      case 'record':
        return { [random.pick(['a', 'b', 'words'])]: value(schema.of, depth + 1) };
      case 'number':
        return schema.format.startsWith('uint') ? random.below(9) : random.chance(0.3) ? random.below(9) : float();
      case 'string':
        return random.chance(0.5) ? field().key : random.pick(['alpha', 'beta', '2024-05-01T00:00:00Z', '']);
      case 'boolean':
        return random.chance(0.5);
      case 'literal':
        return schema.value;
      case 'any':
        return random.pick<Json>([1, 'x', true, null, [1], { a: 1 }]);
      case 'null':
      case 'never':
        return null;
    }
  }

  return {
    value,
    request({ name, method, path, body }, wrong) {
      usings.splice(0, usings.length, pickUsing());
      const right = body === undefined ? undefined : value(body);
      const made = wrong && right !== undefined ? spoilt(right, random) : right;
      const id = random.pick(hints.ids);
      const filled = path.replace('{id}', typeof id === 'string' ? id : JSON.stringify(id)).replace('{field_name}', field().key);
      return { operation: name, method, path: filled, body: made };
    },
  };
}

type Place = { readonly holder: Record<string, Json> | Json[]; readonly at: string | number };

function placesIn(value: Json): readonly Place[] {
  if (Array.isArray(value)) return (value as Json[]).flatMap((one, at) => [{ holder: value, at }, ...placesIn(one)]);
  if (typeof value !== 'object' || value === null || 'rawJSON' in value) return [];
  const holder = value as Record<string, Json>;
  return Object.keys(holder).flatMap((at) => [{ holder, at }, ...placesIn(holder[at] ?? null)]);
}

const ODD: readonly Json[] = [null, -1, 1.5, 1e30, '', 'x', [], {}, [[]], true, [1, 'a'], { key: 'a' }, '0', 4_294_967_296];

/** The same with one place changed: another type, a number out of range, a member missing, too many, or misspelt. */
function spoilt(given: Json, random: Random): Json {
  const copy = structuredCopy(given);
  const places = placesIn(copy);
  if (places.length === 0) return random.pick(ODD);
  const { holder, at } = random.pick(places);
  if (Array.isArray(holder)) {
    holder[Number(at)] = random.pick(ODD);
    return copy;
  }
  const kind = random.below(5);
  const value = holder[at] ?? null;
  if (kind === 0 || kind === 3) delete holder[at];
  if (kind === 1) holder[`${at}s`] = random.pick(ODD);
  if (kind === 3) holder[`${at}_`] = value;
  if (kind === 2 || kind === 4) holder[at] = random.pick(ODD);
  return copy;
}

/** Raw numbers are kept as they are. */
function structuredCopy(value: Json): Json {
  if (Array.isArray(value)) return value.map(structuredCopy);
  if (typeof value !== 'object' || value === null || 'rawJSON' in value) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, structuredCopy(one)]));
}
