import { parseSync } from '@swc/core';

// What only `src/policy/` may mint. A cast to `Authorization` would smuggle a plain filter in as well.
const MINTED = new Set(['AuthorizedFilter', 'Authorization']);

type Node = Readonly<Record<string, unknown>>;

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && !Array.isArray(value);
const child = (node: Node, key: string): Node => (isNode(node[key]) ? node[key] : {});

function* walk(value: unknown): Generator<Node, undefined, void> {
  if (Array.isArray(value)) for (const item of value) yield* walk(item);
  if (!isNode(value)) return;
  yield value;
  for (const [key, inner] of Object.entries(value)) if (key !== 'span') yield* walk(inner);
}

const names = (value: unknown): readonly string[] =>
  [...walk(value)].flatMap((node) => (node['type'] === 'Identifier' && typeof node['value'] === 'string' ? [node['value']] : []));

const isProcess = (node: Node): boolean =>
  (node['type'] === 'Identifier' && node['value'] === 'process') ||
  (node['type'] === 'MemberExpression' && isProcess({ type: 'Identifier', value: child(node, 'property')['value'] }));

/** The name after the dot, or between brackets where it is written out. */
function property(node: Node): unknown {
  const name = child(node, 'property');
  return name['type'] === 'Computed' ? child(name, 'expression')['value'] : name['value'];
}

function readsEnvironment(node: Node): boolean {
  switch (node['type']) {
    case 'MemberExpression':
      return isProcess(child(node, 'object')) && property(node) === 'env';
    case 'VariableDeclarator':
      return child(node, 'id')['type'] === 'ObjectPattern' && isProcess(child(node, 'init'));
    case 'ImportDeclaration':
      return ['process', 'node:process'].includes(String(child(node, 'source')['value']));
    default:
      return false;
  }
}

function mintsFilter(node: Node): boolean {
  switch (node['type']) {
    case 'TsAsExpression':
    case 'TsTypeAssertion':
    case 'TsTypePredicate':
      return names(node['typeAnnotation']).some((name) => MINTED.has(name));
    case 'ImportSpecifier':
      // Under another name the casts above could not be seen.
      return MINTED.has(String(child(node, 'imported')['value']));
    default:
      return false;
  }
}

/** What a source file contains that its place does not permit; `file` is relative to the root. Tests may do both. */
export function forbiddenCode(file: string, source: string): readonly string[] {
  if (!file.startsWith('src/') && !file.startsWith('connectors/')) return [];
  if (/\.(test|fixture)\.ts$/.test(file)) return [];
  const nodes = [...walk(parseSync(source, { syntax: 'typescript', target: 'es2024' }).body)];
  const environment = file !== 'src/config.ts' && nodes.some(readsEnvironment);
  const minted = !file.startsWith('src/policy/') && nodes.some(mintsFilter);
  return [
    ...(environment ? ['reads the environment; only src/config.ts may'] : []),
    ...(minted ? ['casts or renames an authorized filter; only src/policy/ may mint one'] : []),
  ];
}
