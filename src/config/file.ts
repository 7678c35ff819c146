import { parseDocument, visit } from 'yaml';
import { z } from 'zod';
import type { ConfigProblem } from './config-error.ts';
import { isPlainUrl } from '../core/urls.ts';

const name = z.string().min(1).max(256);
const language = z.string().regex(/^[a-z]{2,3}$/, 'needs a primary language, such as en');
const proxy = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], 'needs an address or a network, such as 10.0.0.0/8');
const dimension = z.int().min(1).max(65_535);

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
  /** Says what holds in any case: users and groups are known from tokens alone. Who writes another one would believe it works. */
  directory: z.literal('token').optional(),
  clockSkewSeconds: z.int().min(0).max(300).default(30),
  requiredClaims: z.array(name).optional(),
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
