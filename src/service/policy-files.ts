import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TenantId } from '../core/ids.ts';
import type { PolicyLine } from '../core/policy-lines.ts';
import type { PolicyProblem } from '../core/ports/policy.ts';
import type { EvidencePolicy } from '../core/evidence-policy.ts';
import type { HygienePolicy } from '../core/hygiene.ts';
import type { OutputPolicy } from '../core/output-policy.ts';
import type { WatchingPolicy } from '../core/watching.ts';
import { parseEvidencePolicy } from '../policy/evidence-file.ts';
import { parseHygiene } from '../policy/hygiene-file.ts';
import { parseOutputPolicy } from '../policy/output-file.ts';
import { parsePolicyCsv } from '../policy/parse-csv.ts';
import { parseWatching } from '../policy/watching-file.ts';
import { parseVocabulary, type Vocabulary } from '../policy/vocabulary.ts';

/** What a policy directory holds. The files are where policy is written; revisions in the database are what is in force. */
export interface PolicyFiles {
  readonly directory: string;
  /** `model.conf`, as text. */
  readonly model: string;
  readonly vocabulary: Vocabulary;
  /** `watching.yaml`, or the defaults where there is none. */
  readonly watching: WatchingPolicy;
  /** `hygiene.yaml`, or the defaults where there is none. */
  readonly hygiene: HygienePolicy;
  /** `output.yaml`, or the defaults where there is none. */
  readonly output: OutputPolicy;
  /** `evidence.yaml`, or the defaults where there is none. */
  readonly evidence: EvidencePolicy;
  /** The lines of `policy.csv` that have the right shape. */
  readonly lines: readonly PolicyLine[];
  /** The lines that have not: with any of these, nothing in the file may be put into force. */
  readonly problems: readonly PolicyProblem[];
}

/** Rejects where a file is missing, or `labels.json` or one of the YAML files is wrong. What is wrong with `policy.csv` is told in `problems`. */
export async function readPolicyFiles(directory: string): Promise<PolicyFiles> {
  const [model, labels, csv] = await Promise.all(
    ['model.conf', 'labels.json', 'policy.csv'].map((name) => readFile(join(directory, name), 'utf8')),
  );
  const watching = parseWatching(await optional(join(directory, 'watching.yaml')));
  const hygiene = parseHygiene(await optional(join(directory, 'hygiene.yaml')));
  const vocabulary = parseVocabulary(labels ?? '');
  const evidence = parseEvidencePolicy(await optional(join(directory, 'evidence.yaml')), vocabulary.scheme);
  const output = parseOutputPolicy(await optional(join(directory, 'output.yaml')), vocabulary.scheme);
  return { directory, model: model ?? '', vocabulary, watching, hygiene, output, evidence, ...parsePolicyCsv(csv ?? '') };
}

async function optional(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

export class PolicyFilesError extends Error {
  readonly problems: readonly PolicyProblem[];

  constructor(what: string, problems: readonly PolicyProblem[]) {
    super(`${what}:\n${problems.map(({ line, message }) => `  line ${line}: ${message}`).join('\n')}`);
    this.name = 'PolicyFilesError';
    this.problems = problems;
  }
}

/** Column of the tenant: the second of a `p` line, the last of a `g` line. */
export function tenantOf({ type, columns }: PolicyLine): string | undefined {
  return columns[type === 'p' ? 1 : 2];
}

/** Everything that keeps the file from being put into force, tenant by tenant as publishing would check it, in line order. */
export function policyCsvProblems(
  files: PolicyFiles,
  check: (tenant: string, lines: readonly PolicyLine[]) => readonly PolicyProblem[],
): readonly PolicyProblem[] {
  const byTenant = Map.groupBy(files.lines, (line) => tenantOf(line) ?? '');
  const wrong = [...byTenant].flatMap(([tenant, lines]) => check(tenant, lines));
  return [...files.problems, ...wrong].sort((a, b) => a.line - b.line);
}

export function linesOf(tenant: TenantId, lines: readonly PolicyLine[]): readonly PolicyLine[] {
  return lines.filter((line) => tenantOf(line) === tenant);
}
