import { MAX_ACL_ENTRIES } from '../core/acl.ts';
import { AppError, type InputIssue } from '../core/errors.ts';
import type { SourceId } from '../core/ids.ts';
import { isReservedPath } from '../core/points/payload-path.ts';
import type { CollectionProfile, CollectionSettings } from '../core/ports/collections.ts';
import { principalParts, qualifyPrincipal, type Principal } from '../core/principal.ts';
import { readAcl } from './acl-body.ts';
import type { Authority } from './authority.ts';
import type { CollectionBody, CollectionParts } from './collections.ts';
import { principalsIn } from './unknown-principals.ts';

/**
 * Settings as written to settings as stored. Each source named must be live and the caller its owner: binding it lets applications put
 * points into it, under the ACL given here. Fails with `invalid_request`, `invalid_acl`, `forbidden`.
 */
export async function readSettings(parts: CollectionParts, authority: Authority, body: CollectionBody): Promise<CollectionSettings> {
  demandPaths(body.profile);
  const source = body.source === undefined ? undefined : ownedSource(authority, body.source, '/source');
  const byClient = new Map<Principal, SourceId>();
  for (const [place, one] of (body.byClient ?? []).entries()) {
    const client = clientOf(parts.issuers, one.client, `/byClient/${place}/client`);
    if (byClient.has(client)) throw invalid(`/byClient/${place}/client`, 'is named twice');
    byClient.set(client, ownedSource(authority, one.source, `/byClient/${place}/source`));
  }
  return {
    writers: { source: source === undefined ? { kind: 'none' } : { kind: 'source', source }, byClient },
    profile: body.profile,
    defaultAcl: await defaultAclOf(parts, authority, body),
  };
}

/** A source that is missing and one of somebody else answer alike. */
export function ownedSource(authority: Authority, id: string, pointer: string): SourceId {
  const source = authority.view.sources.get(id as SourceId);
  if (source?.state === 'live' && authority.may('label', source)) return source.id;
  throw new AppError('forbidden', { issues: [{ pointer, message: 'is no source that you own' }] });
}

function clientOf(issuers: readonly string[], text: string, pointer: string): Principal {
  const client = qualifyPrincipal(text, issuers);
  const parts = client === undefined ? undefined : principalParts(client);
  if (client !== undefined && parts?.kind === 'client' && issuers.includes(parts.issuer)) return client;
  throw invalid(pointer, 'needs an application of a configured issuer, such as client:<issuer>|<client_id>');
}

/** A deny of nobody known would hold back every point that it is given to, so it is refused here. */
async function defaultAclOf(
  parts: CollectionParts,
  { view }: Authority,
  { defaultAcl }: CollectionBody,
): Promise<CollectionSettings['defaultAcl']> {
  if (defaultAcl === undefined) return { kind: 'none' };
  const named = principalsIn(defaultAcl, parts.issuers, MAX_ACL_ENTRIES);
  try {
    const { acl, dangling } = readAcl(defaultAcl, parts.issuers, parts.groupless, await parts.unknown(view.tenant, named));
    if (dangling.length === 0) return { kind: 'acl', acl };
  } catch (error) {
    throw error instanceof AppError ? underDefault(error) : error;
  }
  throw new AppError('invalid_acl', {
    issues: [{ pointer: '/defaultAcl/deny', message: 'denies somebody whom nobody is known to be: every point would be quarantined' }],
  });
}

function underDefault(error: AppError): AppError {
  const issues: readonly InputIssue[] = error.issues.map(({ pointer, message }) => ({
    pointer: pointer.replace(/^\/acl(?=\/|$)/, '/defaultAcl'),
    message,
  }));
  return new AppError(error.code, { issues, cause: error, detail: error.message });
}

function demandPaths({ text, provenance: _provenance, ...others }: CollectionProfile): void {
  const paths: readonly (readonly [string, string | undefined])[] = [
    ['text/path', text.path],
    ['text/inner', text.inner],
    ...Object.entries(others),
  ];
  for (const [name, path] of paths) {
    if (path !== undefined && (isReservedPath(path) || path.includes('['))) {
      throw invalid(`/profile/${name}`, 'must be the dotted path of a member of the payload, not below _sluice');
    }
  }
}

function invalid(pointer: string, message: string): AppError {
  return new AppError('invalid_request', { issues: [{ pointer, message }] });
}
