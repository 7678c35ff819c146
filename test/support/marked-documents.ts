import { generated } from './corpus.ts';

/** A document that one word finds, in the words of the HTTP API. */
export interface MarkedDocument {
  readonly document: string;
  /** In no other document, and in each of its paragraphs but the first. */
  readonly marker: string;
  readonly text: string;
  /** `staff`: everybody in that group. `hr`: nobody the tests ask as. */
  readonly readers: 'staff' | 'hr';
}

/** Enough for a few chunks. */
const LENGTH = 4_500;
const DIGITS = 'bdfgklmnpr';

/** A word of consonants alone, which no syllable of the generated texts makes and no stemmer changes. */
export function markerOf(index: number): string {
  return `zx${String(index + 100).replaceAll(/\d/g, (digit) => DIGITS[Number(digit)] ?? '')}q`;
}

/** Documents of a few chunks each; every third is hidden from staff. */
export function markedDocuments(count: number): readonly MarkedDocument[] {
  return generated(count, 11).map(({ text }, index) => {
    const marker = markerOf(index);
    return {
      document: `doc-${index}`,
      marker,
      text: text.replaceAll(/#+ /g, '').slice(0, LENGTH).trim().replaceAll('\n\n', `\n\n${marker} `),
      readers: index % 3 === 2 ? 'hr' : 'staff',
    };
  });
}

/** One line of a batch. */
export function lineOf({ document, text, readers }: MarkedDocument): string {
  return JSON.stringify({ document, text, mediaType: 'text/plain', acl: { allow: [`group:test|${readers}`] } });
}

/** Everybody may retrieve what their groups may; the client `loader` writes and labels. */
export const OPEN_POLICY = [
  'p, everyone, acme, *, retrieve, upto:restricted, *, *, allow',
  'p, client:test|assistant, acme, *, retrieve, upto:restricted, *, *, allow',
  'p, client:test|loader, acme, *, ingest, upto:restricted, as:trusted, *, allow',
  'p, client:test|loader, acme, *, label, upto:restricted, *, *, allow',
].join('\n');
