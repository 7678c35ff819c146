import { isLosslessObject, numberText } from '../../../core/points/lossless.ts';
import { payloadHasReserved } from '../../../core/points/payload-path.ts';
import type { LosslessJson, LosslessObject } from '../../../core/points/raw-json.ts';
import type { CollectionProfile } from '../../../core/ports/collections.ts';
import { fieldAt, isAbsent, pointText } from '../../../ingestion/points/payload-fields.ts';
import type { AdoptionMap, Mapped } from './map-file.ts';

/** Where a point belongs and who may read it, as the body of a write has it. */
export interface PointAccess {
  readonly source: string;
  readonly acl: LosslessObject;
  /** Null: that of the source, whatever the payload says. */
  readonly level: string | null;
  readonly compartments: readonly string[] | null;
  readonly trust: string | null;
}

/** What keeps a point from being adopted: `what` groups points, `value` is the one that the map does not know. */
export interface Missing {
  readonly what: 'no-text' | 'reserved-key' | `no-${Part}` | `unmapped-${Part}` | `unusable-${Part}`;
  readonly value?: string;
}
export type Part = 'source' | 'acl' | 'level' | 'compartments' | 'trust';

export type MappedPoint =
  { readonly kind: 'mapped'; readonly access: PointAccess } | { readonly kind: 'missing'; readonly missing: readonly Missing[] };

/** Applies a map to one payload. Nothing is guessed: what a rule does not give is missing. */
export function mapPoint(map: AdoptionMap, profile: CollectionProfile, payload: LosslessObject): MappedPoint {
  const missing: Missing[] = [];
  if ((pointText(payload, profile.text)?.trim() ?? '') === '') missing.push({ what: 'no-text' });
  if (payloadHasReserved(payload)) missing.push({ what: 'reserved-key' });
  const take = <T>(part: Part, rule: Mapped<T> | undefined, read: (value: LosslessJson) => T | undefined): T | undefined => {
    if (rule === undefined) return undefined;
    const found = applied(part, rule, payload, read);
    if (found.kind === 'value') return found.value;
    missing.push(found.missing);
    return undefined;
  };
  const source = take('source', map.source, textOf);
  const acl = take('acl', map.acl as Mapped<LosslessJson>, aclShape);
  const level = take('level', map.level === 'source' ? undefined : map.level, textOf);
  const compartments = take('compartments', map.compartments, textsOf);
  const trust = take('trust', map.trust as Mapped<string> | undefined, textOf);
  if (source === undefined || acl === undefined || missing.length > 0) return { kind: 'missing', missing };
  return {
    kind: 'mapped',
    access: {
      source,
      acl: Array.isArray(acl) ? { allow: acl as LosslessJson } : (acl as LosslessObject),
      level: level ?? null,
      compartments: compartments ?? null,
      trust: trust ?? null,
    },
  };
}

type Applied<T> = { readonly kind: 'value'; readonly value: T } | { readonly kind: 'missing'; readonly missing: Missing };

function applied<T>(part: Part, rule: Mapped<T>, payload: LosslessObject, read: (value: LosslessJson) => T | undefined): Applied<T> {
  if ('is' in rule) return { kind: 'value', value: rule.is };
  const found = fieldAt(payload, rule.field);
  if (isAbsent(found)) {
    if (rule.missing !== undefined) return { kind: 'value', value: rule.missing };
    return { kind: 'missing', missing: { what: `no-${part}` } };
  }
  if (rule.table === undefined) {
    const value = read(found);
    return value === undefined ? { kind: 'missing', missing: { what: `unusable-${part}` } } : { kind: 'value', value };
  }
  const key = keyOf(found);
  const value = key !== undefined && Object.hasOwn(rule.table, key) ? rule.table[key] : undefined;
  if (value !== undefined) return { kind: 'value', value };
  return { kind: 'missing', missing: { what: `unmapped-${part}`, ...(key === undefined ? {} : { value: key }) } };
}

/** As a table names it: a text, or a number or a truth value as JSON has it. */
function keyOf(value: LosslessJson): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'boolean' ? String(value) : numberText(value);
}

function textOf(value: LosslessJson): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function textsOf(value: LosslessJson): string[] | undefined {
  const list: readonly LosslessJson[] | undefined = Array.isArray(value) ? (value as readonly LosslessJson[]) : undefined;
  return list?.every((one) => typeof one === 'string') === true ? [...list] : undefined;
}

/** What is in it the service judges. */
function aclShape(value: LosslessJson): LosslessJson | undefined {
  return Array.isArray(value) || isLosslessObject(value) ? value : undefined;
}
