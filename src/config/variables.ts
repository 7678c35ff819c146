import { z } from 'zod';
import { parseTenantId } from '../core/ids.ts';
import { type ConfigProblem, nearest } from './config-error.ts';
import { LOG_LEVELS } from './types.ts';
import { isPlainUrl, isProtectedUrl } from '../core/urls.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const httpUrl = z.string().refine((text) => isPlainUrl(text, ['http:', 'https:']), 'needs an http or https URL without user or password');
const port = z
  .string()
  .regex(/^\d{1,5}$/, 'needs a port, 0 to 65535')
  .transform(Number)
  .refine((number) => number <= 65_535, 'needs a port, 0 to 65535');
const publicUrl = z
  .string()
  .refine(isProtectedUrl, 'needs an https URL (http on loopback only) without user or password')
  .refine((text) => URL.parse(text)?.search === '', 'needs a URL without a query');
const secret = z
  .string()
  .min(16, 'needs at least 16 characters')
  .regex(/^[\x21-\x7e]+$/, 'needs printable ASCII without spaces');
const isPostgres = (text: string) => ['postgres:', 'postgresql:'].includes(URL.parse(text)?.protocol ?? '');

/** Every variable that Sluice reads. An unset and an empty one are the same, since Compose passes unset ones on as empty. */
const VARIABLES = {
  SLUICE_HOST: z.string().regex(/^[A-Za-z0-9.:_-]+$/, 'needs a host name or an IP address, such as 127.0.0.1'),
  SLUICE_PORT: port,
  SLUICE_PUBLIC_URL: publicUrl,
  SLUICE_QDRANT_DOOR_PORT: z.union([z.literal('off'), port], 'needs a port, 0 to 65535, or off'),
  SLUICE_QDRANT_DOOR_URL: publicUrl,
  SLUICE_METRICS_PORT: port,
  SLUICE_METRICS_TOKEN: secret,
  SLUICE_DATA_DIR: z.string(),
  SLUICE_POLICY_DIR: z.string(),
  SLUICE_SIGNING_KEYS: z.string(),
  SLUICE_CONFIG: z.string(),
  SLUICE_COLLECTION: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, 'needs letters, digits, hyphens and underscores, at most 63'),
  SLUICE_QDRANT_BINARY: z.string(),
  SLUICE_TENANT: z.string().refine((t) => parseTenantId(t) !== undefined, 'needs lower-case letters, digits and hyphens, at most 63'),
  SLUICE_EMBEDDING_DIMENSION: z
    .string()
    .regex(/^[1-9]\d{0,4}$/, 'needs a whole number, 1 to 65535')
    .transform(Number)
    .refine((number) => number <= 65_535, 'needs a whole number, 1 to 65535'),
  SLUICE_INTROSPECTION_SECRET: z.string().regex(/^[\x21-\x7e]+$/, 'needs printable ASCII without spaces'),
  SLUICE_DANGEROUSLY_ALLOW_HTTP_ISSUER: z.enum(['true'], 'needs true, or to be unset'),
  SLUICE_URL: httpUrl,
  SLUICE_TOKEN: z.string().regex(/^[\x21-\x7e]+$/, 'needs one token, without spaces or line breaks'),
  SLUICE_CHECKPOINT_TOKEN: z.string().regex(/^[\x21-\x7e]+$/, 'needs one token, without spaces or line breaks'),
  DATABASE_URL: z.string().refine(isPostgres, 'needs a URL that begins with postgres:// or postgresql://'),
  QDRANT_URL: httpUrl,
  QDRANT_API_KEY: z.string().regex(/^[\x21-\x7e]+$/, 'needs printable ASCII without spaces'),
  OIDC_ISSUER: z.string(),
  OIDC_AUDIENCE: z
    .string()
    .max(256, 'needs at most 256 characters')
    .transform((text) => text.split(/\s+/).filter((part) => part !== '')),
  SLUICE_LINEAGE_TOKEN: z.string().regex(/^[\x21-\x7e]+$/, 'needs printable ASCII without spaces'),
  SLUICE_LOOKUP_SECRET: z.string().regex(/^[\x21-\x7e]+$/, 'needs printable ASCII without spaces'),
  EMBEDDING_URL: httpUrl,
  EMBEDDING_MODEL: z.string(),
  EMBEDDING_API_KEY: z.string().regex(/^[\x21-\x7e]+$/, 'needs printable ASCII without spaces'),
  LOG_LEVEL: z.enum(LOG_LEVELS, `needs one of ${LOG_LEVELS.join(', ')}`),
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl,
} as const;

/** Promised by the contract for later; said aloud, since whoever sets one would believe it works. */
const LATER = ['EMBEDDING_DIR'];

const schema = z.object(VARIABLES).partial();
export type Variables = z.infer<typeof schema>;

/** Checks each variable by itself. `values` lacks those with problems. */
export function readVariables(env: Environment): { readonly values: Variables; readonly problems: readonly ConfigProblem[] } {
  const given = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '');
  const known = Object.keys(VARIABLES);
  const problems = given.flatMap(([key]): ConfigProblem[] => {
    if (LATER.includes(key)) return [{ key, message: 'has no effect in this version; unset it' }];
    if (known.includes(key) || !key.startsWith('SLUICE_')) return [];
    const near = nearest(key, known);
    return [{ key, message: `is not a setting${near === undefined ? '' : `; did you mean ${near}?`}` }];
  });
  const mine = new Map(given.filter(([key]) => known.includes(key)));
  const parsed = schema.safeParse(Object.fromEntries(mine));
  if (parsed.success) return { values: parsed.data, problems };
  for (const issue of parsed.error.issues) {
    const key = String(issue.path[0]);
    // One message a variable is enough to mend it.
    if (mine.delete(key)) problems.push({ key, message: issue.message });
  }
  return { values: schema.parse(Object.fromEntries(mine)), problems };
}
