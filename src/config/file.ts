import { parseDocument, visit } from 'yaml';
import { z } from 'zod';
import type { ConfigProblem } from './config-error.ts';
import { parsePrincipal, principalParts, type Principal } from '../core/principal.ts';
import { isPlainUrl } from '../core/urls.ts';

const name = z.string().min(1).max(256);
const language = z.string().regex(/^[a-z]{2,3}$/, 'needs a primary language, such as en');
const proxy = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], 'needs an address or a network, such as 10.0.0.0/8');
const outsideUrl = z
  .string()
  .refine((text) => isPlainUrl(text, ['http:', 'https:']), 'needs an http or https URL without user or password');
const dimension = z.int().min(1).max(65_535);

function principalOf(kind: 'user' | 'client') {
  return z.string().transform((text, context): Principal => {
    const found = parsePrincipal(text);
    if (found !== undefined && principalParts(found)?.kind === kind) return found;
    context.addIssue(`needs ${kind}:<issuer>|<id>`);
    return z.NEVER;
  });
}

/** One provider as an operator writes it; the defaults are those of RFC 9068. */
const issuer = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,30}$/, 'needs lower-case letters, digits and hyphens, at most 31'),
  url: z.string(),
  /** Every token is of this tenant. */
  tenant: name.optional(),
  /** The tenant is in a claim, and must be one of `allow`. */
  tenantClaim: z.strictObject({ claim: name, allow: z.array(name).min(1) }).optional(),
  audiences: z.array(name).default([]),
  /** For a provider that puts no `aud` into access tokens: these `client_id`s are accepted instead. */
  audienceClientIds: z.array(name).min(1).optional(),
  algorithms: z.array(name).min(1).default(['RS256', 'PS256', 'ES256', 'EdDSA']),
  /** An empty text accepts a token without the header (Okta, Cognito). */
  types: z.array(z.string().max(256)).min(1).default(['at+jwt']),
  clientClaim: z.enum(['client_id', 'azp', 'appid', 'cid']).default('client_id'),
  /** `false` where the provider puts no groups into tokens. */
  groupsClaim: z.union([name, z.literal(false)], 'needs the name of a claim, or false').default('groups'),
  /** As many groups as this may mean that the provider cut the list, so they count as incomplete. */
  groupsMaximum: z.int().min(1).optional(),
  guests: z.strictObject({ claim: name, members: z.array(name).min(1) }).optional(),
  scopeClaim: name.default('scope'),
  scopePrefix: z.string().max(128).default(''),
  /** Who knows users and groups: tokens, or the directory that Sluice holds. */
  directory: z.enum(['token', 'authoritative']).default('token'),
  /** Which attribute of an entry is the id in its principal. */
  directorySubjects: z
    .strictObject({
      user: z.enum(['externalId', 'userName', 'id']).default('externalId'),
      group: z.enum(['externalId', 'displayName', 'id']).default('externalId'),
    })
    .optional(),
  /** Asks Microsoft Graph for the groups that a token left out. */
  lookup: z
    .strictObject({
      kind: z.literal('graph'),
      url: z.string().default('https://graph.microsoft.com/v1.0'),
      tokenUrl: z.string(),
      scope: name.optional(),
      clientId: name,
      /** A file that holds the secret and nothing else; SLUICE_LOOKUP_SECRET where absent. */
      clientSecretFile: z.string().min(1).max(4096).optional(),
      claim: name.default('oid'),
      securityEnabledOnly: z.boolean().default(true),
      cacheSeconds: z.int().min(0).max(3_600).default(300),
    })
    .optional(),
  clockSkewSeconds: z.int().min(0).max(300).default(30),
  requiredClaims: z.array(name).optional(),
  /** Logouts are remembered as long as a token may be old. */
  maxTokenAgeSeconds: z.int().min(60).max(2_592_000).default(86_400),
  /** Tokens bound to a key of the client (RFC 9449). */
  dpop: z.enum(['required', 'accepted', 'refused']).default('accepted'),
  /** For tokens that are no JWT (RFC 7662). The secret is SLUICE_INTROSPECTION_SECRET. */
  introspection: z
    .strictObject({ url: z.string().optional(), clientId: name, cacheSeconds: z.int().min(0).max(300).default(10) })
    .optional(),
  /** Back-channel logout: the client ids that logout tokens of this provider name as audience. */
  logout: z
    .strictObject({
      audiences: z.array(name).min(1),
      types: z
        .array(z.enum(['logout+jwt', 'jwt']))
        .min(1)
        .default(['logout+jwt']),
    })
    .optional(),
  /** How a client's own token is told where `sub` is not the client (Keycloak). */
  serviceAccounts: z.strictObject({ claim: name, prefix: z.string().min(1).max(128) }).optional(),
});

const schema = z.strictObject({
  issuers: z.array(issuer).default([]),
  embedding: z
    .strictObject({
      languages: z.tuple([language], language).default(['en']),
      dense: z
        .discriminatedUnion('kind', [
          z.strictObject({
            kind: z.literal('remote'),
            url: z.string().refine((text) => isPlainUrl(text, ['http:', 'https:']), 'needs an http or https URL without user or password'),
            model: name,
            dimension,
          }),
          z.strictObject({ kind: z.literal('caller'), model: name, dimension }),
        ])
        .optional(),
    })
    .prefault({}),
  limits: z
    .strictObject({
      bodyBytes: z
        .int()
        .min(1024)
        .max(256 * 1024 * 1024)
        .default(16 * 1024 * 1024),
      clientPerMinute: z.int().min(1).default(6_000),
      userPerMinute: z.int().min(1).default(600),
    })
    .prefault({}),
  /** Where runs of ingestion are told to (OpenLineage). */
  lineage: z
    .strictObject({
      url: z.string().refine((text) => isPlainUrl(text, ['http:', 'https:']), 'needs an http or https URL without user or password'),
      namespace: z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}$/, 'needs letters, digits and ._:/-, at most 128')
        .default('sluice'),
    })
    .optional(),
  /** Who may switch off everything. A person is named with their tenant: the same subject may be somebody else in another one. */
  operators: z
    .array(z.strictObject({ tenant: name, user: principalOf('user'), through: z.array(principalOf('client')).min(1).max(64) }))
    .max(64)
    .default([]),
  /** How the service's own collection looks to clients of the Qdrant-compatible door. */
  collection: z
    .strictObject({
      /** The payload key under which the text of a chunk stands. Not one that holds something else. */
      textKey: z
        .string()
        .regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, 'needs a letter, then letters, digits, hyphens and underscores, at most 64')
        .refine((key) => key !== 'metadata', 'needs a key other than metadata, which holds that of the document')
        .default('content'),
      provenance: z.enum(['payload', 'none']).default('payload'),
    })
    .prefault({}),
  /** `shards` and `replicas` are of a collection that is made; an existing one stays as it is. */
  index: z
    .strictObject({
      shards: z.int().min(1).max(1_024).optional(),
      replicas: z.int().min(1).max(16).default(1),
      reconcileMinutes: z.int().min(0).max(10_080).default(60),
    })
    .prefault({}),
  /** Checkpoints of the audit log, and who else keeps them. */
  audit: z
    .strictObject({
      checkpointSeconds: z.int().min(1).max(86_400).default(60),
      outside: z
        .array(
          z.discriminatedUnion('kind', [
            z.strictObject({ kind: z.literal('file'), path: z.string().min(1).max(4_096) }),
            z.strictObject({ kind: z.literal('witness'), url: outsideUrl, key: z.string().min(1).max(1_024) }),
            z.strictObject({ kind: z.literal('http'), url: outsideUrl }),
          ]),
        )
        .max(16)
        .default([]),
    })
    .prefault({}),
  /** Reverse proxies whose X-Forwarded-For names the caller's address: addresses or networks, as the peers appear here. */
  trustedProxies: z.array(proxy).min(1).max(64).optional(),
});

export type ConfigFile = z.infer<typeof schema>;
export type IssuerEntry = z.infer<typeof issuer>;

/** An issuer with every default filled in; throws where the entry does not have the shape. */
export function issuerEntry(entry: object): IssuerEntry {
  return issuer.parse(entry);
}

export function emptyFile(): ConfigFile {
  return schema.parse({});
}

/** zod's own messages can quote what was written there, and secrets get written in the wrong place. */
function messageOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'unrecognized_keys':
      return `unknown: ${issue.keys.join(', ')}${issue.keys.includes('apiKey') ? ' (secrets belong in the environment)' : ''}`;
    case 'invalid_value':
      return `needs one of ${issue.values.map(String).join(', ')}`;
    case 'invalid_type':
      return issue.message.startsWith('Invalid input') ? `needs a value of type ${issue.expected}` : issue.message;
    default:
      return issue.message;
  }
}

/** Parses the text of SLUICE_CONFIG strictly. On a problem `file` is as if it were empty. */
export function parseFile(text: string): { readonly file: ConfigFile; readonly problems: readonly ConfigProblem[] } {
  const document = parseDocument(text, { prettyErrors: true, uniqueKeys: true, stringKeys: true });
  const [broken] = [...document.errors, ...document.warnings];
  if (broken !== undefined) {
    // Not the parser's text, which quotes the line.
    const line = broken.linePos?.[0].line ?? 1;
    return { file: emptyFile(), problems: [{ key: 'SLUICE_CONFIG', message: `is not well-formed YAML at line ${line} (${broken.code})` }] };
  }
  // A few lines of aliases can mean gigabytes.
  let aliases = 0;
  visit(document, { Alias: () => void aliases++ });
  if (aliases > 0) return { file: emptyFile(), problems: [{ key: 'SLUICE_CONFIG', message: 'aliases are not supported' }] };
  const parsed = schema.safeParse(document.toJS() ?? {});
  if (parsed.success) return { file: parsed.data, problems: [] };
  const problems = parsed.error.issues.map((issue) => ({
    key: ['SLUICE_CONFIG', issue.path.join('.')].filter((part) => part !== '').join(' '),
    message: messageOf(issue),
  }));
  return { file: emptyFile(), problems };
}
