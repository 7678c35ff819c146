import { isNoWider, type Acl, type Validity } from '../core/acl.ts';
import { AppError } from '../core/errors.ts';
import { neutralLabel, trustRank, type Label, type LabelScheme, type Trust } from '../core/label.ts';
import type { DocumentHygiene } from '../core/hygiene.ts';
import type { Principal } from '../core/principal.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import { effectiveZone, type Source } from '../core/zone.ts';
import type { Authority } from './authority.ts';

/** What decides who may read a document; the part of a write that needs rights of its own. */
export interface Access extends Validity {
  readonly acl: Acl;
  readonly declared: Label;
  readonly state: 'live' | 'quarantined';
  /** Denies of nobody known with which an owner let this very ACL out of quarantine. */
  readonly released?: readonly Principal[];
  /** What the text took from `declared` or `state`. */
  readonly hygiene?: DocumentHygiene;
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

/** A write as it is judged. `before`: what the document was, or was when a writer deleted it; undefined where there is nothing to bound it. */
export interface JudgedWrite {
  readonly authority: Authority;
  readonly source: Source;
  readonly writer: Trust;
  readonly before: Access | undefined;
  readonly after: Access;
}

/**
 * Refuses a write that goes beyond the writer's own rights: a declared label they may not write, or a trust above theirs.
 * Looks at nothing that the document was. Fails with `forbidden` or `trust_too_low`.
 */
export function checkWriter({ authority, source, writer, after }: Omit<JudgedWrite, 'before'>): void {
  if (owns(authority, source, after)) return;
  if (trustRank(after.declared.trust) > trustRank(writer)) throw new AppError('trust_too_low');
  if (!authority.may('ingest', source, after.declared)) throw new AppError('forbidden');
}

/**
 * Refuses to overwrite a document trusted more than the writer (identical body or not: success would vouch for it), and anything
 * that lets more people read unless they also hold `label`. To be asked last, when nothing else of the write can fail any more: a
 * refusal of another kind after it would tell a writer, who leaves no trace, that their guess at a hidden ACL was narrower.
 * Fails with `forbidden` or `trust_too_low`.
 */
export function checkAgainstBefore({ authority, source, writer, before, after }: JudgedWrite): void {
  if (before === undefined) return;
  if (!owns(authority, source, after) && trustRank(before.declared.trust) > trustRank(writer)) throw new AppError('trust_too_low');
  if (widens(authority.view.scheme, before, after)) requireLabel(authority, source, before);
}

function owns(authority: Authority, source: Source, { declared }: Access): boolean {
  return authority.may('label', source) && authority.may('label', source, declared);
}

/** Widening, lowering a label and raising trust always need `label`, over the document as it was. */
export function requireLabel(authority: Authority, source: Source, before: Pick<Access, 'declared'>): void {
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
