/**
 * Makes a table of inverse document frequencies of English stems from a directory of Markdown files:
 *
 *     node scripts/make-idf.ts <dir> > src/embedding/bm25/idf-en-1.json
 *
 * The unit counted is a chunk, as retrieval sees it. Kept are stems of plain words that at least three chunks hold, the
 * commonest first, up to the limit. Left out are words never written in lower case (names, acronyms) and anything with a
 * digit. Only figures come over. The same files give the same table; a changed table needs a new name and version.
 */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { terms } from '../src/embedding/bm25/terms.ts';
import { chunkDocument } from '../src/ingestion/chunk/chunk-document.ts';
import { parseDocument } from '../src/ingestion/parse/parse-document.ts';

const MIN_CHUNKS = 3;
const MAX_ENTRIES = 4_000;
/** An unseen stem is treated as one that a single chunk holds. */
const UNSEEN_CHUNKS = 1;
const WORD = /\p{L}+/gu;

function chunksOf(file: string): readonly string[] {
  try {
    const parsed = parseDocument(readFileSync(file), 'text/markdown');
    return chunkDocument(parsed).map(({ start, end }) => parsed.text.slice(start, end));
  } catch {
    return [];
  }
}

/** Stems of words that some chunk writes in lower case throughout, somewhere. */
function lowerCaseStems(chunk: string): ReadonlySet<string> {
  const words = chunk.match(WORD)?.filter((word) => word === word.toLowerCase()) ?? [];
  return new Set([...terms(words.join(' '), 'en')].map(({ stem }) => stem));
}

function idf(chunks: number, holding: number): number {
  return Math.round(Math.log(1 + (chunks - holding + 0.5) / (holding + 0.5)) * 100) / 100;
}

function table(chunks: readonly string[]): object {
  const holding = new Map<string, number>();
  const lower = new Set<string>();
  for (const chunk of chunks) {
    for (const stem of new Set([...terms(chunk, 'en')].map((term) => term.stem))) holding.set(stem, (holding.get(stem) ?? 0) + 1);
    for (const stem of lowerCaseStems(chunk)) lower.add(stem);
  }
  const kept = [...holding]
    .filter(([stem, count]) => count >= MIN_CHUNKS && lower.has(stem) && /^[a-z]{2,24}$/.test(stem))
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .slice(0, MAX_ENTRIES)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    version: 'idf-en@1',
    chunks: chunks.length,
    unseen: idf(chunks.length, UNSEEN_CHUNKS),
    idf: Object.fromEntries(kept.map(([stem, count]) => [stem, idf(chunks.length, count)])),
  };
}

const directory = process.argv[2];
if (directory === undefined) {
  process.stderr.write('usage: node scripts/make-idf.ts <dir>\n');
  process.exitCode = 2;
} else {
  const files = globSync('**/*.md', { cwd: directory }).sort();
  const chunks = files.flatMap((file) => chunksOf(path.join(directory, file)));
  process.stdout.write(`${JSON.stringify(table(chunks), undefined, 2)}\n`);
}
