import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '../core/digest.ts';
import type { TenantId } from '../core/ids.ts';
import type { PolicyLine, PolicyRevision } from '../core/policy-lines.ts';
import { parsePolicyCsv } from '../policy/parse-csv.ts';
import { parseVocabulary, type Vocabulary } from '../policy/vocabulary.ts';

/** What a policy directory holds. The files are where policy is written; revisions in the database are what is in force. */
export interface PolicyFiles {
  /** `model.conf`, as text. */
  readonly model: string;
  readonly vocabulary: Vocabulary;
  readonly lines: readonly PolicyLine[];
}

/** Rejects with every problem of `policy.csv` by line, or where a file is missing. */
export async function readPolicyFiles(directory: string): Promise<PolicyFiles> {
  const [model, labels, csv] = await Promise.all(
    ['model.conf', 'labels.json', 'policy.csv'].map((name) => readFile(join(directory, name), 'utf8')),
  );
  const { lines, problems } = parsePolicyCsv(csv ?? '');
  if (problems.length > 0) throw new PolicyFilesError(directory, problems);
  return { model: model ?? '', vocabulary: parseVocabulary(labels ?? ''), lines };
}

export class PolicyFilesError extends Error {
  constructor(directory: string, problems: readonly { readonly line: number; readonly message: string }[]) {
    super(`${join(directory, 'policy.csv')}:\n${problems.map(({ line, message }) => `  line ${line}: ${message}`).join('\n')}`);
    this.name = 'PolicyFilesError';
  }
}

/** Column of the tenant: the second of a `p` line, the last of a `g` line. */
function tenantOf({ type, columns }: PolicyLine): string | undefined {
  return columns[type === 'p' ? 1 : 2];
}

export function linesOf(tenant: TenantId, lines: readonly PolicyLine[]): readonly PolicyLine[] {
  return lines.filter((line) => tenantOf(line) === tenant);
}

/** A revision is named by its content, so that the same lines are the same revision wherever they are read. */
export function revisionOf(lines: readonly PolicyLine[]): PolicyRevision {
  const text = lines.map(({ type, columns }) => [type, ...columns].join(', ')).join('\n');
  return { id: digestOf(text).slice('sha256:'.length, 'sha256:'.length + 12), lines };
}
