import { parse } from 'yaml';
import { z } from 'zod';
import { parseTenantId } from '../core/ids.ts';

const MAX_TENANTS = 1_000;
const tenant = z.string().refine((name) => parseTenantId(name) !== undefined, 'not the name of a tenant');

/** `tenants:` of a policy file: what single tenants have in place of what all have. */
export function byTenant<T extends z.ZodType>(own: T) {
  return z
    .record(tenant, own)
    .refine((all) => Object.keys(all).length <= MAX_TENANTS, `at most ${MAX_TENANTS} tenants`)
    .default({});
}

/** A YAML file beside `policy.csv`, read strictly. Throws with the file, the place and what to do. */
export function readPolicyFile<T extends z.ZodType>(file: string, text: string, schema: T): z.output<T> {
  const parsed = schema.safeParse(yamlOf(file, text));
  if (!parsed.success) throw new Error(`${file}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

function yamlOf(file: string, text: string): unknown {
  try {
    return parse(text, { uniqueKeys: true, maxAliasCount: 0 });
  } catch (error) {
    throw new Error(`${file} is not YAML`, { cause: error });
  }
}
