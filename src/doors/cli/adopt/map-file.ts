import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import { isReservedPath } from '../../../core/points/payload-path.ts';
import { PRESETS } from '../../../core/points/profiles.ts';
import { TRUSTS } from '../../../core/label.ts';
import { CommandFailure } from '../failure.ts';

const path = z
  .string()
  .min(1)
  .max(256)
  .refine((text) => !isReservedPath(text), 'must be a dotted path of the payload, not below _sluice');
const names = z.array(z.string());
const entry = z.union([z.string(), z.strictObject({ principal: z.string(), from: z.string().optional(), until: z.string().optional() })]);
const entries = z.array(entry);

/** A list is the one gate of an ACL. */
const acl = z.union([
  entries,
  z.strictObject({ allow: entries, deny: entries.optional() }),
  z.strictObject({ gates: z.array(entries), deny: entries.optional() }),
]);

/** The same for all points (`is`); or a field, its values as they are or by a table, and what holds where the field is missing. */
function byField<T extends z.ZodType>(value: T) {
  return z.strictObject({ field: path, table: z.record(z.string(), value).optional(), missing: value.optional() });
}
function mapped<T extends z.ZodType>(value: T) {
  return z.union([z.strictObject({ is: value }), byField(value)]);
}

const profile = z.union([
  z.enum(PRESETS),
  z
    .strictObject({
      preset: z.enum(PRESETS).optional(),
      text: z.union([path, z.strictObject({ path, inner: path.optional() })]).optional(),
      title: path.optional(),
      document: path.optional(),
      uri: path.optional(),
      acl: path.optional(),
      level: path.optional(),
      compartments: path.optional(),
      trust: path.optional(),
      provenance: z.enum(['payload', 'none']).optional(),
    })
    .refine((one) => one.preset !== undefined || one.text !== undefined, 'needs text, or a preset'),
]);

const mapSchema = z.strictObject({
  profile,
  /** Who writes into it afterwards; nobody where absent. */
  writer: z.string().optional(),
  byClient: z.array(z.strictObject({ client: z.string(), source: z.string() })).optional(),
  defaultAcl: acl.optional(),
  source: mapped(z.string()),
  acl: mapped(acl),
  /** `source`: that of the source. Needed: nothing is exposed without somebody having said how sensitive it is. */
  level: z.union([z.literal('source'), mapped(z.string())]),
  compartments: mapped(names).optional(),
  trust: mapped(z.enum(TRUSTS)).optional(),
});

export type AdoptionMap = z.output<typeof mapSchema>;
/** One rule of a map, for values of this type. */
export type Mapped<T> =
  | { readonly is: T }
  | {
      readonly field: string;
      readonly table?: Readonly<Record<string, T>> | undefined;
      readonly missing?: T | undefined;
    };

/** Fails with exit code 2, naming every place that is wrong. */
export async function readMap(file: string): Promise<AdoptionMap> {
  let value: unknown;
  try {
    // A table may name integers that JavaScript would round to others.
    value = parse(await readFile(file, 'utf8'), { intAsBigInt: true });
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown';
    throw new CommandFailure(`${file} cannot be read: ${reason}`, { exitCode: 2, code: 'unreadable', cause: error });
  }
  return parseMap(value, file);
}

export function parseMap(value: unknown, file: string): AdoptionMap {
  const read = mapSchema.safeParse(value);
  if (read.success) return read.data;
  const places = read.error.issues.map((issue) => ({ pointer: `/${issue.path.join('/')}`, message: issue.message }));
  throw new CommandFailure(`${file} is no map for an adoption`, { exitCode: 2, code: 'unusable', places });
}
