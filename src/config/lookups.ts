import type { GroupLookupConfig, IssuerConfig } from '../core/ports/identity.ts';
import { isProtectedUrl } from '../core/urls.ts';
import type { ConfigProblem } from './config-error.ts';
import type { IssuerEntry } from './file.ts';
import type { Variables } from './variables.ts';

/** Secrets of look-ups, by the issuer's short name. */
export type LookupSecrets = ReadonlyMap<string, string>;

const SECRET = /^[\x21-\x7e]{1,1024}$/;

/** Reads the secret of each look-up: from its file, or from SLUICE_LOOKUP_SECRET. `readFile` gives a file's text or throws. */
export function readLookupSecrets(
  entries: readonly IssuerEntry[],
  values: Variables,
  readFile: (path: string) => string,
): { readonly secrets: LookupSecrets; readonly problems: readonly ConfigProblem[] } {
  const secrets = new Map<string, string>();
  const problems: ConfigProblem[] = [];
  for (const [index, { name, lookup }] of entries.entries()) {
    if (lookup === undefined) continue;
    const key = `SLUICE_CONFIG issuers.${index}.lookup.clientSecretFile`;
    const secret = lookup.clientSecretFile === undefined ? values.SLUICE_LOOKUP_SECRET : textOf(lookup.clientSecretFile, readFile);
    if (secret === undefined) problems.push({ key, message: 'needs a file that can be read, or SLUICE_LOOKUP_SECRET' });
    else if (!SECRET.test(secret)) problems.push({ key, message: 'needs a file of one line of printable ASCII without spaces' });
    else secrets.set(name, secret);
  }
  return { secrets, problems };
}

function textOf(path: string, readFile: (path: string) => string): string | undefined {
  try {
    return readFile(path).trim();
  } catch {
    return undefined;
  }
}

/** What cannot be combined about an issuer's directory and look-up: the broken rule, its field and what to do. */
export function directoryRules({
  directory,
  directorySubjects,
  lookup,
  groupsClaim,
}: IssuerEntry): readonly (readonly [boolean, string, string])[] {
  const held = directory === 'authoritative';
  return [
    [!held || lookup === undefined, 'lookup', 'groups of an authoritative directory are never looked up; take one of the two out'],
    [held || directorySubjects === undefined, 'directorySubjects', 'belongs to directory: authoritative'],
    [lookup === undefined || groupsClaim !== false, 'lookup', 'needs a groupsClaim, in which the provider says that it left groups out'],
    [
      lookup === undefined || isProtectedUrl(lookup.url),
      'lookup.url',
      'needs an https URL (http on loopback only) without user or password',
    ],
    [
      lookup === undefined || isProtectedUrl(lookup.tokenUrl),
      'lookup.tokenUrl',
      'needs an https URL (http on loopback only) without user or password',
    ],
  ];
}

/** The part of an issuer that says where groups are known from. */
export function directoryOf(entry: IssuerEntry, secrets: LookupSecrets): Pick<IssuerConfig, 'directory' | 'lookup'> {
  const { directory, directorySubjects = { user: 'externalId', group: 'externalId' }, lookup } = entry;
  const found: GroupLookupConfig | undefined = lookup && {
    kind: lookup.kind,
    url: lookup.url.replace(/\/+$/, ''),
    tokenUrl: lookup.tokenUrl,
    scope: lookup.scope ?? `${URL.parse(lookup.url)?.origin ?? ''}/.default`,
    clientId: lookup.clientId,
    clientSecret: secrets.get(entry.name) ?? '',
    claim: lookup.claim,
    securityEnabledOnly: lookup.securityEnabledOnly,
    cacheSeconds: lookup.cacheSeconds,
  };
  return {
    ...(directory === 'token' ? {} : { directory: { kind: 'authoritative', subjects: directorySubjects } }),
    ...(found === undefined ? {} : { lookup: found }),
  };
}
