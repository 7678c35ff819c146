import { isHeldBack, judgeHygiene, lowered, type DocumentHygiene, type HygieneFacts, type HygienePolicy } from '../core/hygiene.ts';
import type { TenantId } from '../core/ids.ts';
import type { RemovedCharacters } from '../core/ports/candidate.ts';
import type { StoredDocument } from '../core/ports/catalog.ts';
import { invisibleIn, NOTHING_REMOVED, sumOf } from './original.ts';
import type { Access } from './write-rights.ts';

/**
 * What its text and names take from a document. `access` is as its writer or owner means it; the answer is as it is stored. The names
 * that reach a prompt count too: title and headings with the text, out of which they are cleaned; id and URI, which stay what they are.
 */
export function withHygiene(
  access: Access,
  judged: {
    readonly policy: HygienePolicy;
    readonly tenant: TenantId;
    readonly facts: HygieneFacts;
    readonly names: readonly (string | undefined)[];
    /** What was judged of the same text before; what an owner accepted of it holds as long as nothing more is hidden. */
    readonly before: DocumentHygiene | undefined;
    /** An owner accepts it now. */
    readonly accept?: boolean;
  },
): Access {
  const { policy, tenant, facts, names, before, accept = false } = judged;
  const { hygiene: _before, ...meant } = access;
  const counted = sumOf(facts.removed, invisibleIn(...names));
  const action = judgeHygiene(policy, tenant, { ...facts, removed: counted });
  if (action === 'none' || action === 'note') return meant;
  const accepted = accept || (before?.accepted === true && sameCounts(before.counted, counted));
  const hygiene: DocumentHygiene = { action, counted, accepted, trust: meant.declared.trust };
  if (accepted) return { ...meant, hygiene };
  if (action === 'quarantine') return { ...meant, state: 'quarantined', hygiene };
  return { ...meant, declared: { ...meant.declared, trust: lowered(meant.declared.trust) }, hygiene };
}

function sameCounts(a: RemovedCharacters, b: RemovedCharacters): boolean {
  return a.tag === b.tag && a.bidi === b.bidi && a.zeroWidth === b.zeroWidth;
}

export function factsOf({ unseen }: StoredDocument): HygieneFacts {
  return unseen ?? { removed: NOTHING_REMOVED, characters: undefined };
}

/** The document as it was meant, before its text took trust from it. Writes are judged against this: lowering is no invitation. */
export function asMeant<T extends Pick<Access, 'declared' | 'hygiene'>>(document: T): T {
  const { hygiene, declared } = document;
  return hygiene === undefined ? document : { ...document, declared: { ...declared, trust: hygiene.trust } };
}

/**
 * What bounds a write of another text: one that is held back for its text alone comes free with a text that gives no cause. Whether a
 * deny dangles is judged of the ACL that is written.
 */
export function asBound(document: StoredDocument): StoredDocument {
  const meant = asMeant(document);
  return isHeldBack(meant.hygiene) ? { ...meant, state: 'live' } : meant;
}
