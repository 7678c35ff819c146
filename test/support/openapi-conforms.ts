import type { Json } from './lossless.ts';
import type { OpenApi, Schema } from './openapi.ts';

/** Where and how a value differs from a schema; undefined where it fits. Members that the schema does not know do not fit. */
export function misfit(api: OpenApi, schema: Schema, value: Json, at = ''): string | undefined {
  const wrong = `${at === '' ? '/' : at}: ${JSON.stringify(value)?.slice(0, 80)} is no ${schema.kind}`;
  const unless = (fits: boolean): string | undefined => (fits ? undefined : wrong);
  switch (schema.kind) {
    case 'any':
      return undefined;
    case 'ref':
      return misfit(api, api.schema(schema.name), value, at);
    case 'never':
      return wrong;
    case 'null':
      return unless(value === null);
    case 'string':
    case 'boolean':
      return unless(typeof value === schema.kind);
    case 'number':
      // A number that JavaScript would have changed is kept as a text: test/support/lossless.ts.
      return unless(typeof value === 'number' || (typeof value === 'string' && value.startsWith('number ')));
    case 'literal':
      return unless(value === schema.value);
    case 'union':
      return schema.of.some((one) => misfit(api, one, value, at) === undefined) ? undefined : wrong;
    case 'all':
      return schema.of.map((one) => misfit(api, one, value, at)).find((one) => one !== undefined);
    case 'list':
      return Array.isArray(value) ? first(value.map((one, n) => misfit(api, schema.of, one as Json, `${at}/${n}`))) : wrong;
    case 'tuple':
      return Array.isArray(value) ? first(schema.of.map((one, n) => misfit(api, one, (value as Json[])[n] ?? null, `${at}/${n}`))) : wrong;
    case 'record':
      return isRecord(value) ? first(Object.entries(value).map(([key, one]) => misfit(api, schema.of, one, `${at}/${key}`))) : wrong;
    case 'object':
      return isRecord(value) ? objectMisfit(api, schema.members, value, at) : wrong;
  }
}

function objectMisfit(
  api: OpenApi,
  members: Extract<Schema, { kind: 'object' }>['members'],
  value: Readonly<Record<string, Json>>,
  at: string,
): string | undefined {
  const unknown = Object.keys(value).find((key) => !(key in members));
  if (unknown !== undefined) return `${at}/${unknown}: not in the schema`;
  return first(
    Object.entries(members).map(([name, { optional, schema }]) => {
      const one = value[name];
      if (one === undefined) return optional ? undefined : `${at}/${name}: missing`;
      return misfit(api, schema, one, `${at}/${name}`);
    }),
  );
}

function first(found: readonly (string | undefined)[]): string | undefined {
  return found.find((one) => one !== undefined);
}

function isRecord(value: Json): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
