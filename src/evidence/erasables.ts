import { AppError } from '../core/errors.ts';
import type { Digest } from '../core/digest.ts';
import { parseDocumentId, parseSourceId } from '../core/ids.ts';
import type { Erasable } from '../core/ports/audit.ts';
import { principalParts, qualifyPrincipal } from '../core/principal.ts';

/** What is to be erased or held, as a request words it. */
export type NamedErasable =
  | { readonly kind: 'caller'; readonly principal: string }
  | { readonly kind: 'content'; readonly source: string; readonly document: string; readonly version?: string | undefined };

/** `not_found` for what cannot be: a name that is none is a thing that never was. */
export function erasableOf(named: NamedErasable, issuers: readonly string[]): Erasable {
  if (named.kind === 'caller') {
    const principal = qualifyPrincipal(named.principal, issuers);
    const kind = principal === undefined ? undefined : principalParts(principal)?.kind;
    if (principal === undefined || (kind !== 'user' && kind !== 'client')) {
      throw new AppError('invalid_request', {
        issues: [{ pointer: '/principal', message: 'must be user:<issuer>|<id> or client:<issuer>|<id>' }],
      });
    }
    return { kind: 'caller', principal };
  }
  const source = parseSourceId(named.source);
  const document = parseDocumentId(named.document);
  if (source === undefined || document === undefined) throw new AppError('not_found');
  return { kind: 'content', source, document, ...(named.version === undefined ? {} : { version: named.version as Digest }) };
}
