/** What the examples of Qdrant clients write: three notes, each with who may read it. */
export const NOTES = [
  {
    id: 'c0a80101-0000-4000-8000-000000000001',
    text: 'Coffee is on the third floor, next to the stairs.',
    acl: ['group:employees', 'group:contractors'],
  },
  { id: 'c0a80101-0000-4000-8000-000000000002', text: 'Parental leave is sixteen weeks for employees.', acl: ['group:employees'] },
  { id: 'c0a80101-0000-4000-8000-000000000003', text: 'Leave beyond that is decided by the people team.', acl: ['group:hr'] },
] as const;

export const SIZE = 64;

/** Stands for an embedding model: texts that share words are near each other. */
export function embed(text: string): number[] {
  const vector = Array.from({ length: SIZE }, () => 0.001);
  for (const word of text.toLowerCase().match(/\p{L}{3,}/gu) ?? []) {
    let hash = 7;
    for (const letter of word) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) % 65_521;
    const place = hash % SIZE;
    vector[place] = (vector[place] ?? 0) + 1;
  }
  return vector;
}

/** Where the door is, as whom, in which collection, and what the command line says: a question, or `--write`. */
export function settings(): { url: string; token: string; collection: string; question: string; write: boolean } {
  const { DOOR_URL: url, SLUICE_TOKEN: token, COLLECTION: collection } = process.env;
  if (url === undefined || token === undefined || collection === undefined) {
    throw new Error('set DOOR_URL, SLUICE_TOKEN and COLLECTION');
  }
  const words = process.argv.slice(2);
  const write = words[0] === '--write';
  return { url, token, collection, question: words.length === 0 || write ? 'how long is parental leave' : words.join(' '), write };
}
