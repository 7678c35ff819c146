/** One thing wrong with the configuration: where, and what to set. Never quotes a value, which may be a secret. */
export interface ConfigProblem {
  /** A variable, or a place in the SLUICE_CONFIG file such as `SLUICE_CONFIG issuers.0.url`. */
  readonly key: string;
  readonly message: string;
}

/** Every problem at once, so that a deployment is mended in one go. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(['The configuration cannot be used:', ...problems.map(({ key, message }) => `  ${key}: ${message}`)].join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** Levenshtein distance; both texts are short names. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, x] of Array.from(a).entries()) {
    const next = [i + 1];
    for (const [j, y] of Array.from(b).entries()) {
      next.push(Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (x === y ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

const FURTHEST = 4;

/** The known name nearest to a mistyped one, or undefined where none is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const ranked = known.map((candidate) => ({ candidate, far: distance(name, candidate) })).sort((a, b) => a.far - b.far);
  const best = ranked[0];
  return best !== undefined && best.far <= FURTHEST ? best.candidate : undefined;
}
