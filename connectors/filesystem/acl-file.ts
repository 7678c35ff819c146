import { parse } from 'yaml';
import { z } from 'zod';
import { lowerTrust, sortedUnique, TRUSTS, type LabelScheme, type Level, type Trust } from '../../src/core/label.ts';
import type { JsonObject } from '../../src/core/json.ts';

/** The name of the file that says who may read the tree below it. Never indexed itself. */
export const ACL_FILE = '_acl.yaml';

const names = z.array(z.string().min(1)).max(1_000);
const rule = {
  allow: names.optional(),
  gates: z.array(names).max(8).optional(),
  deny: names.optional(),
  level: z.string().optional(),
  compartments: z.array(z.string()).optional(),
  trust: z.enum(TRUSTS).optional(),
  metadata: z.record(z.string(), z.json()).optional(),
  validFrom: z.iso.datetime({ offset: true }).optional(),
  validUntil: z.iso.datetime({ offset: true }).optional(),
};
const fileRule = z.strictObject(rule).refine((r) => r.allow === undefined || r.gates === undefined, 'write allow or gates, not both');
const aclFile = z
  .strictObject({ ...rule, files: z.record(z.string(), fileRule).optional() })
  .refine((r) => r.allow === undefined || r.gates === undefined, 'write allow or gates, not both');

export type AclRule = z.infer<typeof fileRule>;
export type AclFile = z.infer<typeof aclFile>;

/** What holds at one place of the tree. `none`: nothing above grants anything to anybody yet. */
export interface Inherited {
  readonly gates: { readonly kind: 'none' } | { readonly kind: 'gates'; readonly gates: readonly (readonly string[])[] };
  readonly deny: readonly string[];
  readonly label: DeclaredLabel;
  readonly metadata: JsonObject;
  readonly validFrom: string | undefined;
  readonly validUntil: string | undefined;
}

/** Only what some file says: a writer may not claim a trust that nobody wrote down, since it may be above its own. */
export interface DeclaredLabel {
  readonly level?: Level;
  readonly compartments?: readonly string[];
  readonly trust?: Trust;
}

export const NOTHING_INHERITED: Inherited = {
  gates: { kind: 'none' },
  deny: [],
  label: {},
  metadata: {},
  validFrom: undefined,
  validUntil: undefined,
};

/** Reads one `_acl.yaml`. Throws with the file's path and every problem: a rule that cannot be read decides nothing. */
export function parseAclFile(path: string, text: string): AclFile {
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    throw new Error(`${path} is not well-formed YAML`);
  }
  const read = aclFile.safeParse(value ?? {});
  if (read.success) return read.data;
  const problems = read.error.issues.map(({ path: at, message }) => `${at.join('.') || 'the file'}: ${message}`);
  throw new Error(`${path}: ${problems.join('; ')}`);
}

/**
 * The nearest grant wins; denies add up; levels, compartments and trust only ever get stricter; validity only shorter.
 * So a file further down can neither undo a deny nor lower a label.
 */
export function inherit(scheme: LabelScheme, path: string, above: Inherited, below: AclRule): Inherited {
  const gates = below.gates ?? (below.allow === undefined ? undefined : [below.allow]);
  return {
    gates: gates === undefined ? above.gates : { kind: 'gates', gates },
    deny: sortedUnique([...above.deny, ...(below.deny ?? [])]),
    label: inheritLabel(scheme, path, above.label, below),
    metadata: { ...above.metadata, ...(below.metadata as JsonObject | undefined) },
    validFrom: later(above.validFrom, below.validFrom),
    validUntil: earlier(above.validUntil, below.validUntil),
  };
}

function inheritLabel(scheme: LabelScheme, path: string, above: DeclaredLabel, below: AclRule): DeclaredLabel {
  const own = below.level === undefined ? undefined : scheme.parse(below.level);
  if (below.level !== undefined && own === undefined) throw new Error(`${path}: level must be one of ${scheme.levels.join(', ')}`);
  const level = stricter(above.level, own, (a, b) => (scheme.rank(a) >= scheme.rank(b) ? a : b));
  const compartments = stricter(above.compartments, below.compartments, (a, b) => [...a, ...b]);
  const trust = stricter(above.trust, below.trust, lowerTrust);
  return {
    ...(level === undefined ? {} : { level }),
    ...(compartments === undefined ? {} : { compartments: sortedUnique(compartments) }),
    ...(trust === undefined ? {} : { trust }),
  };
}

function stricter<T>(above: T | undefined, below: T | undefined, join: (above: T, below: T) => T): T | undefined {
  return above === undefined || below === undefined ? (above ?? below) : join(above, below);
}

function later(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Date.parse(a) >= Date.parse(b) ? a : b;
}

function earlier(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Date.parse(a) <= Date.parse(b) ? a : b;
}
