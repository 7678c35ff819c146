import { isNoWider, type Acl } from '../core/acl.ts';
import { AppError } from '../core/errors.ts';
import { neutralLabel, trustRank, type Label, type LabelScheme, type Trust } from '../core/label.ts';
import type { StoredDocument } from '../core/ports/catalog.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import { effectiveZone, type Source } from '../core/zone.ts';
import type { Authority } from './authority.ts';
import type { Validity } from './label-body.ts';

/** What decides who may read a document; the part of a write that needs rights of its own. */
export interface Access extends Validity {
  readonly acl: Acl;
  readonly declared: Label;
  readonly state: 'live' | 'quarantined';
}

/** Writing needs `ingest`, within the writer's trust. Owners (`label`) may also allow a less trusted writer. */
export function writerTrustFor(policy: PolicyPort, authority: Authority, source: Source): Trust {
  const { view } = authority;
  const object = effectiveZone(view.scheme, source, neutralLabel(view.scheme));
  const writer = policy.writerTrust(view, authority.caller, object);
  // Whoever may not write here learns nothing of what is here.
  if (writer.kind === 'none') throw new AppError('not_found');
  return writer.trust;
}

/**
 * Refuses a write that goes beyond the writer's rights: a declared label they may not write, a trust above theirs, a
 * document trusted more than they are (identical body or not: success would vouch for it), and anything that lets more
 * people read unless they also hold `label`. Fails with `forbidden` or `trust_too_low`.
 */
export function checkWrite(input: {
  readonly authority: Authority;
  readonly source: Source;
  readonly writer: Trust;
  readonly before: StoredDocument | undefined;
  readonly after: Access;
}): void {
  const { authority, source, writer, before, after } = input;
  const owner = authority.may('label', source) && authority.may('label', source, after.declared);
  if (!owner && trustRank(after.declared.trust) > trustRank(writer)) throw new AppError('trust_too_low');
  if (!owner && before !== undefined && trustRank(before.declared.trust) > trustRank(writer)) throw new AppError('trust_too_low');
  if (!owner && !authority.may('ingest', source, after.declared)) throw new AppError('forbidden');
  if (before !== undefined && widens(authority.view.scheme, before, after)) requireLabel(authority, source, before);
}

/** Widening, lowering a label and raising trust always need `label`, over the document as it was. */
export function requireLabel(authority: Authority, source: Source, before: StoredDocument): void {
  if (!authority.may('label', source) || !authority.may('label', source, before.declared)) throw new AppError('forbidden');
}

/** True where somebody may read afterwards who could not before, or read it as more trusted. Errs towards true. */
export function widens(scheme: LabelScheme, before: Access, after: Access): boolean {
  return (
    !isNoWider(before.acl, after.acl) ||
    scheme.rank(after.declared.level) < scheme.rank(before.declared.level) ||
    !before.declared.compartments.every((c) => after.declared.compartments.includes(c)) ||
    trustRank(after.declared.trust) > trustRank(before.declared.trust) ||
    bound(after.validFrom) < bound(before.validFrom) ||
    bound(after.validUntil) > bound(before.validUntil) ||
    (before.state === 'quarantined' && after.state === 'live')
  );
}

function bound(at: number | 'always' | 'forever'): number {
  return at === 'always' ? -Infinity : at === 'forever' ? Infinity : at;
}
