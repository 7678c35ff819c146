import { parse } from 'yaml';
import { z } from 'zod';
import type { Caller } from '../core/caller.ts';
import { parseSourceId, parseTenantId, type SourceId, type TenantId } from '../core/ids.ts';
import { COMPARTMENT, sortedUnique, TRUSTS, type Label, type LabelScheme } from '../core/label.ts';
import { ACTIONS } from '../core/policy-lines.ts';
import { principal, type Principal, type PrincipalKind } from '../core/principal.ts';

/** Stands for the tenant as a whole where a case names a zone. */
export const WHOLE_TENANT = 'tenant';

const scoped = z.string().regex(/^[a-z0-9-]+\|.+$/, 'write <issuer>|<id>');
const names = z.array(z.string()).default([]);

const schema = z.strictObject({
  tenant: z.string(),
  callers: z.record(
    z.string(),
    z.strictObject({
      user: scoped.optional(),
      groups: z.array(scoped).default([]),
      guest: z.boolean().default(false),
      client: scoped,
      actor: scoped.optional(),
    }),
  ),
  zones: z.record(
    z.string(),
    z.strictObject({
      source: z.string(),
      level: z.string(),
      compartments: z.array(z.string().regex(COMPARTMENT)).default([]),
      trust: z.enum(TRUSTS),
    }),
  ),
  cases: z.array(
    z.strictObject({
      who: z.string(),
      action: z.enum(ACTIONS).default('retrieve'),
      purpose: z.string().optional(),
      may: names,
      mayNot: names,
      /** Zone → the highest trust this writer may give there, or `none`. */
      writes: z.record(z.string(), z.enum([...TRUSTS, 'none'])).default({}),
    }),
  ),
});

export type PolicyCase = z.infer<typeof schema>['cases'][number];

export interface CaseFile {
  readonly tenant: TenantId;
  readonly callers: ReadonlyMap<string, Caller>;
  readonly zones: ReadonlyMap<string, { readonly source: SourceId; readonly label: Label }>;
  readonly cases: readonly PolicyCase[];
}

function required<T>(value: T | undefined, message: string): T {
  if (value === undefined) throw new Error(message);
  return value;
}

function named(kind: PrincipalKind, text: string): Principal {
  const bar = text.indexOf('|');
  return required(principal(kind, text.slice(0, bar), text.slice(bar + 1)), `"${text}" names no ${kind}; write <issuer>|<id>`);
}

function callerOf(tenant: TenantId, written: z.infer<typeof schema>['callers'][string]): Caller {
  const client = named('client', written.client);
  const user: Caller['user'] =
    written.user === undefined
      ? { kind: 'none' }
      : {
          kind: 'user',
          principal: named('user', written.user),
          groups: written.groups.map((group) => named('group', group)),
          guest: written.guest,
        };
  const actor: Caller['actor'] =
    written.actor === undefined ? { kind: 'none' } : { kind: 'actor', principals: [named('client', written.actor)] };
  const issuer = written.client.slice(0, written.client.indexOf('|'));
  return { tenant, issuer, user, client, actor, actorChain: [], scopes: new Set(), tokenDigest: '', expiresAt: 0 };
}

function zoneOf(scheme: LabelScheme, written: z.infer<typeof schema>['zones'][string]): { source: SourceId; label: Label } {
  const source = required(parseSourceId(written.source), `"${written.source}" is not a source id`);
  const level = required(scheme.parse(written.level), `"${written.level}" is not a level; levels: ${scheme.levels.join(', ')}`);
  return { source, label: { level, compartments: sortedUnique(written.compartments), trust: written.trust } };
}

/** Reads one file of `policies/cases/`. Throws, naming the file and the place, where it is not what docs/policy-language.md describes. */
export function parseCaseFile(scheme: LabelScheme, name: string, text: string): CaseFile {
  try {
    const parsed = schema.safeParse(parse(text));
    if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
    const tenant = required(parseTenantId(parsed.data.tenant), `"${parsed.data.tenant}" is not a tenant`);
    return {
      tenant,
      callers: new Map(Object.entries(parsed.data.callers).map(([key, written]) => [key, callerOf(tenant, written)])),
      zones: new Map(Object.entries(parsed.data.zones).map(([key, written]) => [key, zoneOf(scheme, written)])),
      cases: parsed.data.cases,
    };
  } catch (error) {
    throw new Error(`${name}: ${error instanceof Error ? error.message : 'unreadable'}`, { cause: error });
  }
}
