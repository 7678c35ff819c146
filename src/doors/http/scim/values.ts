import { ScimError } from './dialect.ts';

export const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
export const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
export const LIST = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';

const MAX_TEXT = 512;

export type Attributes = ReadonlyMap<string, unknown>;

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** By lower-case name, since names have no case (RFC 7643 §2.1): `Active` beside `active` would leave open which of them counts. */
export function attributesOf(body: Readonly<Record<string, unknown>>): Attributes {
  const found = new Map<string, unknown>();
  for (const [name, value] of Object.entries(body)) {
    const key = name.toLowerCase();
    if (found.has(key)) throw new ScimError('invalidSyntax', 'an attribute occurs twice');
    found.set(key, value);
  }
  return found;
}

export function demandSchema(attributes: Attributes, schema: string): void {
  const schemas = attributes.get('schemas');
  const named = Array.isArray(schemas) && schemas.some((one) => typeof one === 'string' && one.toLowerCase() === schema.toLowerCase());
  if (!named) throw new ScimError('invalidSyntax', `schemas must hold ${schema}`);
}

/** Undefined where it is absent or null, which is unassigned (RFC 7643 §2.5). */
export function optionalText(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value !== 'string' || value.length > MAX_TEXT) throw new ScimError('invalidValue', `${name} is a text of at most ${MAX_TEXT}`);
  return value;
}

export function requiredText(name: string, value: unknown): string {
  const text = optionalText(name, value);
  if (text === undefined) throw new ScimError('invalidValue', `${name} is required`);
  return text;
}

/** Entra writes `"False"`. Anything else that is no boolean is refused: read as true it would let somebody stay. */
export function booleanOf(name: string, value: unknown): boolean {
  const word = typeof value === 'boolean' ? String(value) : typeof value === 'string' ? value.toLowerCase() : '';
  if (word !== 'true' && word !== 'false') throw new ScimError('invalidValue', `${name} is true or false`);
  return word === 'true';
}
