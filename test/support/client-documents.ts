import { embed } from './embedding-server.ts';
import { seededRandom } from './random.ts';

/** What the client tests write: a text, an ACL of one gate, and metadata of a few kinds. Ids are UUIDs, which every client takes. */
export interface ClientDocument {
  readonly id: string;
  readonly text: string;
  readonly acl: readonly string[];
  readonly topic: string;
  readonly year: number;
}

export const SIZE = 16;

/** Near where words are shared; no two texts are equally near to a third, so that nothing ties. */
export function vectorOf(text: string): number[] {
  const random = seededRandom(Array.from(text).reduce((sum, character) => Math.imul(sum, 31) + (character.codePointAt(0) ?? 0), 7));
  return embed(text, SIZE).map((value) => value + random.next() / 3);
}

const TOPICS = ['leave', 'travel', 'payroll', 'security'];
const WORDS = ['parental', 'weeks', 'flight', 'invoice', 'salary', 'badge', 'laptop', 'handbook', 'contract', 'review', 'bonus', 'visa'];
const ACLS = [['everyone'], ['group:test|staff'], ['group:test|hr'], ['group:test|staff', 'group:test|hr'], ['user:test|ann']];

/** No two share a vector, so that no two are equally near to anything. */
export function clientDocuments(count: number): readonly ClientDocument[] {
  return Array.from({ length: count }, (_, n) => ({
    id: `6ba7b810-9dad-41d1-80b4-${n.toString(16).padStart(12, '0')}`,
    text: `${WORDS[n % WORDS.length]} ${WORDS[(n * 5 + 1) % WORDS.length]} ${TOPICS[n % TOPICS.length]} number${n} note${n * 7}`,
    acl: ACLS[n % ACLS.length] ?? [],
    topic: TOPICS[n % TOPICS.length] ?? '',
    year: 2020 + (n % 5),
  }));
}

export interface ClientPerson {
  readonly sub: string;
  readonly groups: readonly string[];
}

export const PEOPLE = {
  olga: { sub: 'olga', groups: ['staff', 'hr', 'owners'] },
  ann: { sub: 'ann', groups: ['staff'] },
  hana: { sub: 'hana', groups: ['hr'] },
  gus: { sub: 'gus', groups: [] },
} as const satisfies Record<string, ClientPerson>;

export const QUESTIONS = ['parental leave weeks', 'salary bonus review', 'flight visa number3', 'laptop badge security'];
