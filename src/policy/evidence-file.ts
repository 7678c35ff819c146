import { parse } from 'yaml';
import { z } from 'zod';
import { defaultEvidencePolicy, type EvidencePolicy, type SecondPersonFrom } from '../core/evidence-policy.ts';
import { parseTenantId } from '../core/ids.ts';
import type { LabelScheme } from '../core/label.ts';

const MAX_TENANTS = 1_000;

function schemaOf(scheme: LabelScheme) {
  const from = z.custom<SecondPersonFrom>(
    (name) => name === 'always' || name === 'never' || (typeof name === 'string' && scheme.parse(name) !== undefined),
    'neither always nor never nor a level of labels.json',
  );
  const replay = z.strictObject({ secondPersonFrom: from });
  const tenant = z.string().refine((name) => parseTenantId(name) !== undefined, 'not the name of a tenant');
  return z.strictObject({
    replay,
    tenants: z
      .record(tenant, z.strictObject({ replay }))
      .refine((all) => Object.keys(all).length <= MAX_TENANTS, `at most ${MAX_TENANTS} tenants`)
      .default({}),
  });
}

/** `evidence.yaml`; the defaults where there is none. Throws with the place and what to do. */
export function parseEvidencePolicy(text: string | undefined, scheme: LabelScheme): EvidencePolicy {
  if (text === undefined) return defaultEvidencePolicy(scheme);
  const parsed = schemaOf(scheme).safeParse(yamlOf(text));
  if (!parsed.success) throw new Error(`evidence.yaml: ${z.prettifyError(parsed.error)}`);
  const { replay, tenants } = parsed.data;
  const own = Object.entries(tenants).map(([name, { replay: theirs }]) => [name, theirs.secondPersonFrom] as const);
  return { secondPersonFrom: replay.secondPersonFrom, tenants: new Map(own) };
}

function yamlOf(text: string): unknown {
  try {
    return parse(text, { uniqueKeys: true, maxAliasCount: 0 });
  } catch (error) {
    throw new Error('evidence.yaml is not YAML', { cause: error });
  }
}
