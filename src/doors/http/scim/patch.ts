import { ScimError } from './dialect.ts';
import { attributesOf, demandSchema, isRecord, PATCH_OP } from './values.ts';

const MAX_OPERATIONS = 1_000;
const PATH = /^(?:(urn:[\w:.-]{1,200}):)?([A-Za-z$][\w$-]{0,63})(?:\[([^[\]]{1,4096})\])?(?:\.([A-Za-z$][\w$-]{0,63}))?$/;
const CORE = /^urn:ietf:params:scim:schemas:core:2\.0:(?:user|group)$/i;
/** Assigned by the service, or kept from the other side of a relation (RFC 7643 §3.1, §4.1.2). */
const READ_ONLY = ['id', 'meta', 'schemas', 'groups'];

/** One change of one attribute, its name in lower case. */
export interface Operation {
  readonly op: 'add' | 'replace' | 'remove';
  readonly attribute: string;
  /** Between brackets. */
  readonly filter: string | undefined;
  readonly sub: string | undefined;
  /** Of a schema that is not kept here. */
  readonly extension: boolean;
  readonly value: unknown;
}

/** RFC 7644 §3.5.2, with operations in any case (Entra writes `Replace`) and with or without a path (Okta). */
export function readPatch(body: Readonly<Record<string, unknown>>): readonly Operation[] {
  const attributes = attributesOf(body);
  demandSchema(attributes, PATCH_OP);
  const list = attributes.get('operations');
  if (!Array.isArray(list) || list.length === 0) throw new ScimError('invalidSyntax', 'Operations is a list of at least one');
  if (list.length > MAX_OPERATIONS) throw new ScimError('tooMany', `at most ${MAX_OPERATIONS} operations`);
  return list.flatMap((one: unknown) => readOperation(one));
}

function readOperation(given: unknown): readonly Operation[] {
  if (!isRecord(given)) throw new ScimError('invalidSyntax', 'an operation is an object');
  const fields = attributesOf(given);
  const op = opOf(fields.get('op'));
  const path = fields.get('path');
  const value = fields.get('value');
  if (path !== undefined && path !== null) {
    if (typeof path !== 'string') throw new ScimError('invalidPath', 'a path is a text');
    return [at(op, path, value)];
  }
  if (op === 'remove') throw new ScimError('noTarget', 'remove needs a path');
  if (!isRecord(value)) throw new ScimError('invalidValue', 'without a path, value is an object');
  return [...attributesOf(value)].map(([name, inner]) => at(op, name, inner));
}

function opOf(value: unknown): Operation['op'] {
  const op = typeof value === 'string' ? value.toLowerCase() : '';
  if (op === 'add' || op === 'replace' || op === 'remove') return op;
  throw new ScimError('invalidSyntax', 'op is add, replace or remove');
}

function at(op: Operation['op'], path: string, value: unknown): Operation {
  const match = path.length > MAX_PATH ? null : PATH.exec(path);
  if (match === null) throw new ScimError('invalidPath', 'not in the form of a path');
  const [, urn, name = '', filter, sub] = match;
  const extension = urn !== undefined && !CORE.test(urn);
  const attribute = name.toLowerCase();
  if (!extension && READ_ONLY.includes(attribute)) throw new ScimError('mutability', 'this attribute is not written by clients');
  return { op, attribute, filter, sub: sub?.toLowerCase(), extension, value };
}

const MAX_PATH = 8_192;
