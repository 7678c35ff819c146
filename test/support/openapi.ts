import { readFileSync } from 'node:fs';
import { parseSync, type TsType, type TsTypeElement } from '@swc/core';

/** What a JSON value may be, as Qdrant's OpenAPI document says it. `format` as there: `uint`, `uint64`, `float`, … */
export type Schema =
  | { readonly kind: 'any' | 'never' | 'string' | 'boolean' | 'null' }
  | { readonly kind: 'number'; readonly format: string }
  | { readonly kind: 'literal'; readonly value: string | number | boolean }
  | { readonly kind: 'union' | 'all'; readonly of: readonly Schema[] }
  | { readonly kind: 'list' | 'record'; readonly of: Schema }
  | { readonly kind: 'tuple'; readonly of: readonly Schema[] }
  | { readonly kind: 'object'; readonly members: Readonly<Record<string, Member>> }
  | { readonly kind: 'ref'; readonly name: string };

export interface Member {
  readonly optional: boolean;
  readonly schema: Schema;
}

export interface Operation {
  readonly name: string;
  readonly method: string;
  /** With `{collection_name}` and the like. */
  readonly path: string;
  readonly query: Readonly<Record<string, Member>>;
  readonly body: Schema | undefined;
  /** Of a 200. */
  readonly answer: Schema;
}

export interface OpenApi {
  readonly operations: readonly Operation[];
  /** What a reference stands for. */
  schema(name: string): Schema;
}

const ANY: Schema = { kind: 'any' };

/** Qdrant's OpenAPI document, read out of the types that its own client ships: nothing of it lies in this repository. */
export function qdrantOpenApi(): OpenApi {
  const file = new URL('../types/openapi/generated_schema.d.ts', import.meta.resolve('@qdrant/js-client-rest'));
  // The parser counts from its first token, so that one has to be the first byte too.
  const source = Buffer.concat([Buffer.from('type First = 0;'), readFileSync(file)]);
  const module = parseSync(source.toString('utf8'), { syntax: 'typescript' });
  const read = readerOf(source, module.span.start);
  const declared = new Map<string, Schema>();
  for (const item of module.body) {
    if (item.type !== 'ExportDeclaration' || item.declaration.type !== 'TsInterfaceDeclaration') continue;
    declared.set(item.declaration.id.value, read.object(item.declaration.body.body));
  }
  const [paths, components, operations] = ['paths', 'components', 'operations'].map((name) => membersOf(declared.get(name)));
  const schemas = membersOf(components?.['schemas']?.schema);
  return {
    operations: Object.entries(paths ?? {}).flatMap(([path, { schema }]) =>
      Object.entries(membersOf(schema)).map(([method, { schema: named }]) => {
        const name = named.kind === 'ref' ? named.name : '';
        return operationOf(name, method.toUpperCase(), path, membersOf(operations?.[name]?.schema));
      }),
    ),
    schema(name) {
      const found = schemas[name]?.schema;
      if (found === undefined) throw new Error(`no schema ${name}`);
      return found;
    },
  };
}

function membersOf(schema: Schema | undefined): Readonly<Record<string, Member>> {
  return schema?.kind === 'object' ? schema.members : {};
}

function jsonOf(schema: Schema | undefined): Schema | undefined {
  return membersOf(membersOf(schema)['content']?.schema)['application/json']?.schema;
}

function operationOf(name: string, method: string, path: string, members: Readonly<Record<string, Member>>): Operation {
  const query = membersOf(membersOf(members['parameters']?.schema)['query']?.schema);
  const answer = jsonOf(membersOf(members['responses']?.schema)['200']?.schema) ?? ANY;
  return { name, method, path, query, body: jsonOf(members['requestBody']?.schema), answer };
}

interface Reader {
  object(elements: readonly TsTypeElement[]): Schema;
}

function readerOf(source: Buffer, base: number): Reader {
  /** The comment before a member says how its number is written. */
  const formatOf = (from: number, to: number): string =>
    /Format: (\w+)/.exec(source.subarray(from - base, to - base).toString('utf8'))?.[1] ?? '';

  function object(elements: readonly TsTypeElement[]): Schema {
    const members: Record<string, Member> = {};
    let before = 0;
    for (const element of elements) {
      const type = 'typeAnnotation' in element ? element.typeAnnotation?.typeAnnotation : undefined;
      if (element.type === 'TsIndexSignature') return { kind: 'record', of: type === undefined ? ANY : schemaOf(type, '') };
      if (element.type !== 'TsPropertySignature' || type === undefined) throw new Error(`a member that is ${element.type}`);
      const { key } = element;
      const name =
        key.type === 'Identifier' || key.type === 'StringLiteral' ? key.value : key.type === 'NumericLiteral' ? `${key.value}` : '';
      if (name === '') throw new Error(`a name that is ${key.type}`);
      const format =
        before === 0 ? formatOf(Math.max(base, element.span.start - 200), element.span.start) : formatOf(before, element.span.start);
      members[name] = { optional: element.optional, schema: schemaOf(type, format) };
      before = element.span.end;
    }
    return { kind: 'object', members };
  }

  function schemaOf(type: TsType, format: string): Schema {
    switch (type.type) {
      case 'TsKeywordType':
        return keyword(type.kind, format);
      case 'TsParenthesizedType':
        return schemaOf(type.typeAnnotation, format);
      case 'TsLiteralType':
        if (type.literal.type === 'TemplateLiteral' || type.literal.type === 'BigIntLiteral') throw new Error('a literal of another kind');
        return { kind: 'literal', value: type.literal.value };
      case 'TsUnionType':
        return union(type.types.map((one) => schemaOf(one, format)));
      case 'TsIntersectionType':
        return { kind: 'all', of: type.types.map((one) => schemaOf(one, format)) };
      case 'TsArrayType':
        return { kind: 'list', of: schemaOf(type.elemType, format) };
      case 'TsTupleType':
        return { kind: 'tuple', of: type.elemTypes.map(({ ty }) => schemaOf(ty, format)) };
      case 'TsTypeLiteral':
        return object(type.members);
      case 'TsIndexedAccessType':
        return reference(type.indexType);
      case 'TsTypeReference':
        return generic(
          type.typeName.type === 'Identifier' ? type.typeName.value : '',
          (type.typeParams?.params ?? []).map((one) => schemaOf(one, format)),
        );
      default:
        throw new Error(`a type that is ${type.type}`);
    }
  }
  return { object };
}

function keyword(kind: string, format: string): Schema {
  if (kind === 'number') return { kind, format };
  if (kind === 'string' || kind === 'boolean' || kind === 'null' || kind === 'never') return { kind };
  return ANY;
}

/** Where something may be left out the types say `X | (Record<string, unknown> | null)`, which means X or null. */
function union(given: readonly Schema[]): Schema {
  const flat = given.flatMap((one) => (one.kind === 'union' ? one.of : [one]));
  const nullable = flat.some(({ kind }) => kind === 'null');
  return { kind: 'union', of: flat.filter((one) => !(nullable && one.kind === 'record' && one.of.kind === 'any' && flat.length > 2)) };
}

function reference(index: TsType): Schema {
  if (index.type !== 'TsLiteralType' || index.literal.type !== 'StringLiteral') throw new Error('a reference that is no name');
  return { kind: 'ref', name: index.literal.value };
}

function generic(name: string, parameters: readonly Schema[]): Schema {
  const [first, second] = parameters;
  if (name === 'OneOf' && first?.kind === 'tuple') return { kind: 'union', of: first.of };
  if (name === 'Record' && second?.kind === 'never') return { kind: 'object', members: {} };
  if (name === 'Record' && second !== undefined) return { kind: 'record', of: second };
  throw new Error(`a type named ${name}`);
}
