import { AppError } from '../core/errors.ts';
import { documentName } from '../core/audit-names.ts';
import type { AuditPort } from '../core/ports/audit.ts';
import type { Checkpoint, CompletenessProof, EvidencePort, InclusionProof, StoredName, SubLog } from '../core/ports/evidence.ts';
import type { RequestContext } from '../core/request-context.ts';
import { isPerson, questionFacts, type AuditFilters } from './question.ts';
import { recordReading } from './questions.ts';
import { tenantReader, type ReaderParts } from './reader.ts';

export interface ProofParts extends ReaderParts {
  readonly audit: Pick<AuditPort, 'append'>;
  readonly evidence: EvidencePort;
}

export interface ProvenInclusion extends InclusionProof {
  readonly checkpoint: Checkpoint;
}

export interface ProvenConsistency {
  readonly from: number;
  readonly to: number;
  readonly hashes: readonly string[];
}

/** One sub-log under each name that events have for it. */
export interface ProvenComplete {
  readonly proofs: readonly (StoredName & { readonly proof: CompletenessProof })[];
}

/** Which list of one thing is meant; where it is left out, what was released of it, or what it asked for. */
export type CompleteWhat = Exclude<SubLog['what'], 'all'>;

/**
 * Proofs about the log. They speak of all of it, so they are for those who may audit the whole tenant; others get `forbidden`.
 * `not_found` where the log has no checkpoint, or not that event, tile or size.
 */
export interface AuditProofs {
  checkpoint(context: RequestContext, fresh: boolean): Promise<Checkpoint>;
  checkpoints(context: RequestContext, after: number, limit: number): Promise<readonly Checkpoint[]>;
  /** At the checkpoint of exactly this size, or the newest one. */
  inclusion(context: RequestContext, index: number, size: number | undefined): Promise<ProvenInclusion>;
  consistency(context: RequestContext, from: number, to: number): Promise<ProvenConsistency>;
  /** That these are all events of one thing, or that there is none. Names somebody, so it is an event. */
  complete(context: RequestContext, filters: AuditFilters, what: CompleteWhat | undefined): Promise<ProvenComplete>;
  tile(context: RequestContext, tile: { readonly level: number; readonly index: number; readonly width: number }): Promise<Uint8Array>;
}

export function createProofs(parts: ProofParts): AuditProofs {
  const { evidence } = parts;
  return {
    async checkpoint(context, fresh) {
      const { caller } = await tenantReader(parts, context);
      return found(await evidence.checkpoint(caller.tenant, fresh));
    },
    async checkpoints(context, after, limit) {
      const { caller } = await tenantReader(parts, context);
      return evidence.checkpoints(caller.tenant, after, limit);
    },
    async inclusion(context, index, size) {
      const { caller } = await tenantReader(parts, context);
      const checkpoint = found(
        size === undefined ? await evidence.checkpoint(caller.tenant, false) : await evidence.checkpointAt(caller.tenant, size),
      );
      // A proof is worth something against a signed root only.
      if (size !== undefined && checkpoint.size !== size) throw new AppError('not_found');
      const proof = found(await evidence.inclusion(caller.tenant, index, checkpoint.size));
      return { ...proof, checkpoint };
    },
    async consistency(context, from, to) {
      if (from > to) throw new AppError('invalid_request', { issues: [{ pointer: 'query/to', message: 'not before from' }] });
      const { caller } = await tenantReader(parts, context);
      return { from, to, hashes: found(await evidence.consistency(caller.tenant, from, to)) };
    },
    async complete(context, filters, what) {
      const reader = await tenantReader(parts, context);
      const { tenant } = reader.caller;
      const log = oneSubLog(filters, what);
      const names = await evidence.storedNames(tenant, log);
      const proofs: (StoredName & { readonly proof: CompletenessProof })[] = [];
      for (const name of names) proofs.push({ ...name, proof: found(await evidence.completeness(tenant, name.log)) });
      const events = proofs.reduce((sum, { proof }) => sum + proof.positions.length, 0);
      const facts = { question: questionFacts(filters), proof: `${log.about} ${log.what}`, events };
      await recordReading(parts.audit, context, reader, 'audit.read', facts);
      return { proofs };
    },
    async tile(context, { level, index, width }) {
      const { caller } = await tenantReader(parts, context);
      return found(await evidence.tile(caller.tenant, level, index, width));
    },
  };
}

/** Fails with `invalid_request` where the question is not about exactly one thing. */
function oneSubLog({ document, subject, source, client, kinds }: AuditFilters, what: CompleteWhat | undefined): SubLog {
  const logs: readonly SubLog[] = [
    ...(document === undefined
      ? []
      : [{ about: 'document', what: what ?? 'released', name: documentName(document.source, document.document) } as const]),
    ...(source === undefined || document !== undefined ? [] : [{ about: 'source', what: what ?? 'released', name: source } as const]),
    ...(subject === undefined ? [] : [{ about: isPerson(subject) ? 'caller' : 'client', what: what ?? 'asked', name: subject } as const]),
    ...(client === undefined ? [] : [{ about: 'client', what: what ?? 'asked', name: client } as const]),
    ...(kinds ?? []).map((kind) => ({ about: 'kind', what: 'all', name: kind }) as const),
  ];
  const [only, ...others] = logs;
  if (only !== undefined && others.length === 0) return only;
  throw new AppError('invalid_request', { issues: [{ pointer: 'query', message: 'one of document, source, subject, client and kind' }] });
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new AppError('not_found');
  return value;
}
