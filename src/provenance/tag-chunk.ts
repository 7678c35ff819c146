import { digestOf } from '../core/digest.ts';
import type { TagInput } from '../core/ports/provenance.ts';
import type { Provenance } from '../core/provenance.ts';

/** The v1 tag of a chunk about to be released. Built field by field: no member of an ACL can slip in. */
export function tagChunk({ candidate, source, label, policyRevision, rules, at }: TagInput): Provenance {
  const { span, removed, lineage } = candidate;
  return {
    v: 1,
    source: { id: source.id, title: source.title, owner: source.owner },
    document: {
      id: candidate.document,
      version: candidate.version,
      title: candidate.title,
      ...(candidate.uri === undefined ? {} : { uri: candidate.uri }),
    },
    span: { start: span.start, end: span.end, unit: 'utf16', path: span.path },
    // Of what leaves, not of what was once stored: the tag must stay true where the two differ.
    digest: digestOf(candidate.text),
    normalised: { removed: { tag: removed.tag, bidi: removed.bidi, zeroWidth: removed.zeroWidth } },
    lineage: {
      run: lineage.run,
      connector: lineage.connector,
      parser: lineage.parser,
      chunker: lineage.chunker,
      embedding: lineage.embedding,
      indexedAt: lineage.indexedAt,
    },
    label: { level: label.level, compartments: label.compartments, trust: label.trust },
    decision: { policyRevision, rules, aclVersion: candidate.aclVersion, at: new Date(at).toISOString() },
  };
}
