import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { countFiles, readTree } from '../../connectors/filesystem/read-tree.ts';
import { syncActions, type IndexedDocument, type SyncAction } from '../../connectors/filesystem/sync-actions.ts';
import { parseVocabulary } from '../policy/vocabulary.ts';

export interface TreeChoice {
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly uriBase?: string;
  readonly allowEmpty: boolean;
}

/** The filesystem connector over one directory, with the levels of the policy directory's `labels.json`. */
export async function openTree(
  policyDir: string,
  directory: string,
  { allowEmpty, ...selection }: TreeChoice,
): Promise<{ readonly files: number; readonly connector: (indexed: readonly IndexedDocument[]) => AsyncIterable<SyncAction> }> {
  const { scheme } = parseVocabulary(await readFile(join(policyDir, 'labels.json'), 'utf8'));
  return {
    files: await countFiles(directory),
    connector: (indexed) => syncActions(readTree(directory, { scheme, ...selection }), indexed, { allowEmpty }),
  };
}
