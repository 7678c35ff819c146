import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { seededRandom } from './random.ts';

export interface CorpusFile {
  readonly path: string;
  readonly text: string;
}

const HANDBOOK = fileURLToPath(new URL('../../../shared/corpus/handbook/', import.meta.url));

/** Real Markdown files where the handbook lies beside the checkout; else generated ones of the same size and shape. */
export function corpus(): readonly CorpusFile[] {
  return existsSync(HANDBOOK) ? handbook() : generated(246);
}

function handbook(): readonly CorpusFile[] {
  const paths = readdirSync(HANDBOOK, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.md'));
  return paths.sort().map((path) => ({ path, text: readFileSync(HANDBOOK + path, 'utf8') }));
}

const SYLLABLES = ['ka', 'lo', 'mi', 'ren', 'tor', 'vel', 'sun', 'dra', 'pel', 'qui', 'nor', 'ges', 'fa', 'bri', 'zu', 'hal'];

/** Invented words with Zipf's frequencies, so that some occur nearly everywhere and most nearly nowhere. */
export function generated(files: number, seed = 7): readonly CorpusFile[] {
  const random = seededRandom(seed);
  const words = Array.from({ length: 4_000 }, () => Array.from({ length: 2 + random.below(3) }, () => random.pick(SYLLABLES)).join(''));
  const word = (): string => words[Math.floor(words.length ** random.next()) - 1] ?? 'kalo';
  const sentence = (): string => `${Array.from({ length: 6 + random.below(14) }, word).join(' ')}.`;
  const paragraph = (): string => Array.from({ length: 2 + random.below(5) }, sentence).join(' ');
  const section = (): string => `## ${word()} ${word()}\n\n${Array.from({ length: 1 + random.below(5) }, paragraph).join('\n\n')}`;
  return Array.from({ length: files }, (_, index) => ({
    path: `generated/${index}.md`,
    text: `# ${word()} ${word()}\n\n${Array.from({ length: 1 + random.below(9) }, section).join('\n\n')}\n`,
  }));
}
