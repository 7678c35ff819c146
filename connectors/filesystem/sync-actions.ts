import type { Digest } from '../../src/core/digest.ts';
import type { TreeDocument, TreeEntry, TreeProblem } from './read-tree.ts';

/** What the index holds of a source: ids, with the digest of what this connector wrote last. */
export interface IndexedDocument {
  readonly document: string;
  readonly writeDigest?: Digest | undefined;
}

export type SyncAction =
  | { readonly kind: 'put'; readonly document: TreeDocument }
  | { readonly kind: 'unchanged'; readonly document: string }
  | { readonly kind: 'remove'; readonly document: string }
  | { readonly kind: 'problem'; readonly problem: TreeProblem };

/**
 * What has to be done to make the index hold the tree, as the tree is read; removals last, and none where reading failed
 * half-way. An empty tree over a filled index is taken for a missing mount and rejected, unless `allowEmpty` says it is meant.
 */
export async function* syncActions(
  tree: AsyncIterable<TreeEntry>,
  indexed: readonly IndexedDocument[],
  options: { readonly allowEmpty: boolean },
): AsyncGenerator<SyncAction> {
  const gone = new Map(indexed.map(({ document, writeDigest }) => [document, writeDigest]));
  let present = 0;
  for await (const entry of tree) {
    if (entry.kind === 'problem') {
      yield { kind: 'problem', problem: entry };
      continue;
    }
    present += 1;
    const known = gone.get(entry.document);
    gone.delete(entry.document);
    yield known === entry.etag ? { kind: 'unchanged', document: entry.document } : { kind: 'put', document: entry };
  }
  if (present === 0 && gone.size > 0 && !options.allowEmpty) {
    throw new Error(`the directory holds no document, but the index holds ${gone.size}; if they are to be deleted, say --allow-empty`);
  }
  for (const document of gone.keys()) yield { kind: 'remove', document };
}
