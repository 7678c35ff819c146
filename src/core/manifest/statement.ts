import type { Label } from '../label.ts';
import type { ReleasedChunk, RenderedContext } from '../provenance.ts';

export const PAYLOAD_TYPE = 'application/vnd.in-toto+json';
export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1';
/** A URN, as the types of problems are: nobody has to own a host for it to mean the same for ever. */
export const PREDICATE_TYPE = 'urn:sluice:manifest:v1';
/** Name of the subject that is the rendered context; chunks go by their ids, which are UUIDs. */
export const CONTEXT_SUBJECT = 'context';

/** An in-toto Statement v1: what was released, to whom, under which policy. A type alias, so that it is JSON. */
export type ManifestStatement = {
  readonly _type: typeof STATEMENT_TYPE;
  readonly subject: readonly ManifestSubject[];
  readonly predicateType: typeof PREDICATE_TYPE;
  readonly predicate: ManifestPredicate;
};

/** `digest`: hex SHA-256 of the chunk's text, or of the context as its format says. */
export type ManifestSubject = {
  readonly name: string;
  readonly digest: { readonly sha256: string };
  readonly annotations: ChunkAnnotations | { readonly format: RenderedContext['format'] };
};

type ChunkAnnotations = { readonly rank: number; readonly label: LabelJson };
type LabelJson = { readonly level: string; readonly compartments: readonly string[]; readonly trust: Label['trust'] };

export type ManifestPredicate = {
  readonly request: string;
  readonly tenant: string;
  /** A pseudonym of this request alone: the log's release event names the same one, and it links nothing else. */
  readonly caller: string;
  readonly client: string;
  readonly policyRevision: string;
  /** Joint; null where there are no chunks. */
  readonly label: LabelJson | null;
  /** ISO 8601. */
  readonly at: string;
  /** Random, and in no log: so that the digest of the manifest, which is in the log, tells nobody what the texts were. */
  readonly nonce: string;
};

export interface ManifestInput extends Omit<ManifestPredicate, 'label' | 'at'> {
  readonly label: Label | undefined;
  /** Milliseconds. */
  readonly at: number;
  readonly chunks: readonly Pick<ReleasedChunk, 'id' | 'rank' | 'provenance'>[];
  readonly context: Pick<RenderedContext, 'format' | 'digest'> | undefined;
}

/** The statement about an answer; digests are those of its tags, which are over what leaves. */
export function manifestStatement({ chunks, context, ...facts }: ManifestInput): ManifestStatement {
  const { request, tenant, caller, client, policyRevision, label, at, nonce } = facts;
  const subjects = chunks.map(({ id, rank, provenance }): ManifestSubject => {
    const digest = { sha256: hexOf(provenance.digest) };
    return { name: id, digest, annotations: { rank, label: labelJson(provenance.label) } };
  });
  const rendered: readonly ManifestSubject[] =
    context === undefined
      ? []
      : [{ name: CONTEXT_SUBJECT, digest: { sha256: hexOf(context.digest) }, annotations: { format: context.format } }];
  return {
    _type: STATEMENT_TYPE,
    subject: [...subjects, ...rendered],
    predicateType: PREDICATE_TYPE,
    predicate: {
      request,
      tenant,
      caller,
      client,
      policyRevision,
      label: label === undefined ? null : labelJson(label),
      at: new Date(at).toISOString(),
      nonce,
    },
  };
}

function labelJson({ level, compartments, trust }: Label): LabelJson {
  return { level, compartments, trust };
}

function hexOf(digest: string): string {
  return digest.slice('sha256:'.length);
}
