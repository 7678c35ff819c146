import { entryPrincipal } from '../core/acl-entry.ts';
import { isHeldBack } from '../core/hygiene.ts';
import type { StoredDocument } from '../core/ports/catalog.ts';
import { danglingDenies } from './acl-body.ts';
import { stateOf } from './document-write.ts';
import { asMeant, factsOf, withHygiene } from './hygiene.ts';
import type { DocumentParts } from './put-document.ts';
import type { Standing } from './types.ts';

/** Whether it is held back and why, and what could not be seen in its text. */
export async function standing(parts: DocumentParts, found: StoredDocument): Promise<Standing> {
  const { state, hygiene } = found;
  const unseen = { removed: factsOf(found).removed, ...(hygiene === undefined ? {} : { hygiene }) };
  if (state === 'live') return { state, ...unseen };
  const unknown = await parts.unknown(found.tenant, found.acl.deny.map(entryPrincipal));
  const dangles = stateOf({ acl: found.acl, dangling: danglingDenies(found.acl, parts.issuers, parts.groupless, unknown) }, found);
  const because = [
    ...(dangles.state === 'quarantined' ? (['unknown_denies'] as const) : []),
    ...(isHeldBack(hygiene) ? (['hidden_characters'] as const) : []),
  ];
  return { state, because, ...unseen };
}

/** Whether the rules that are in force now would do to a document what was done to it when it was written. */
export function isJudgedAsNow({ hygiene: policy }: Pick<DocumentParts, 'hygiene'>, found: StoredDocument): boolean {
  const { tenant, document, uri, hygiene } = found;
  const now = withHygiene(asMeant(found), { policy, tenant, facts: factsOf(found), names: [document, uri], before: hygiene });
  return now.hygiene?.action === hygiene?.action;
}
