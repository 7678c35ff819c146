import { MAX_ACL_ENTRIES } from '../../core/acl.ts';
import { AppError, type ErrorCode, type InputIssue } from '../../core/errors.ts';
import type { Principal } from '../../core/principal.ts';
import type { Source } from '../../core/zone.ts';
import { authorityOf, type Authority } from '../authority.ts';
import { ownedSource } from '../collection-settings.ts';
import { readWrite } from '../document-write.ts';
import { principalsIn } from '../unknown-principals.ts';
import { checkWriter, writerTrustFor } from '../write-rights.ts';
import type { RequestContext } from '../types.ts';
import type { AccessFields } from './access-fields.ts';
import type { PointsWriterParts } from './parts.ts';

/** What somebody is about to write points with. */
export interface WantedAccess extends AccessFields {
  readonly source: string;
}

export interface AccessProblem {
  /** Place in what was asked. */
  readonly place: number;
  /** `quarantined`: the points would be held back, since a deny names somebody whom nobody is known to be. */
  readonly code: ErrorCode | 'quarantined';
  readonly issues: readonly InputIssue[];
}

/**
 * Whether points with such sources, ACLs and labels would be taken from this caller, by the rules that a write is judged by; nothing is
 * written. What is found holds until rights change.
 */
export type CheckAccess = (context: RequestContext, wanted: readonly WantedAccess[]) => Promise<readonly AccessProblem[]>;

export function createCheckAccess(parts: PointsWriterParts): CheckAccess {
  return async (context, wanted) => {
    const authority = await authorityOf(parts, context);
    const { tenant } = authority.view;
    const names = [...new Set(wanted.flatMap(({ acl }) => principalsIn(acl, parts.issuers, MAX_ACL_ENTRIES)))];
    const unknown = await parts.unknown(tenant, names);
    return wanted.flatMap((one, place): readonly AccessProblem[] => {
      try {
        return judged(parts, authority, one, unknown) === 'live' ? [] : [{ place, code: 'quarantined', issues: [] }];
      } catch (error) {
        if (!(error instanceof AppError) || error.status >= 500) throw error;
        return [{ place, code: error.code, issues: error.issues }];
      }
    });
  };
}

function judged(
  parts: PointsWriterParts,
  authority: Authority,
  { source: id, ...fields }: WantedAccess,
  unknown: ReadonlySet<Principal>,
): 'live' | 'quarantined' {
  const source: Source = authority.source(ownedSource(authority, id, '/source'), 'ingest');
  const writer = writerTrustFor(parts.policy, authority, source);
  const { issuers, groupless, language } = parts;
  const body = { ...NOTHING, ...fields };
  const { access } = readWrite({ body, before: undefined, scheme: authority.view.scheme, issuers, groupless, unknown, writer, language });
  checkWriter({ authority, source, writer, after: access });
  return access.state;
}

const NOTHING = {
  title: undefined,
  uri: undefined,
  mediaType: 'application/json',
  language: undefined,
  content: { kind: 'text', text: '' },
  metadata: {},
  validFrom: undefined,
  validUntil: undefined,
  connector: undefined,
  run: undefined,
} as const;
