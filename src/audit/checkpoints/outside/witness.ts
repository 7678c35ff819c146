import { encodeBase64 } from '../../../core/base64.ts';
import { formatNote, parseNote, withSignature } from '../../../core/tlog/note.ts';
import { openNote, parseVerifierKey, type NoteVerifier } from '../../../core/tlog/note-keys.ts';
import { boundedText } from './http.ts';
import { HoldsLarger, NotTheSameTree, type Giving, type Place } from './place.ts';

/** How often a witness may name another size before we let it be for this time. */
const TRIES = 3;

/**
 * A witness of C2SP tlog-witness: it cosigns a checkpoint only where it begins with the last one that it cosigned, so nobody can show
 * two people two logs. Throws a RangeError for a key that is no cosigner's.
 */
export function witnessPlace(url: string, vkey: string, name: string): Place {
  const key = parseVerifierKey(vkey);
  if (key?.type !== 'cosignature') throw new RangeError(`the key of ${name} is no verifier key of a witness`);
  const address = `${url.replace(/\/+$/, '')}/add-checkpoint`;
  return {
    name,
    // It is asked by giving it something.
    last: () => Promise.resolve({ kind: 'cannot-tell' }),
    async give(giving) {
      const { checkpoint } = giving;
      let { known } = giving;
      for (let tries = 0; tries < TRIES; tries += 1) {
        const answer = await add(address, known, giving);
        const text = await boundedText(answer);
        if (answer.ok) return { note: cosigned(checkpoint.note, text, key, name) };
        if (answer.status !== 409) throw refusal(name, answer.status, checkpoint.size);
        known = sizeIn(text);
        if (known > checkpoint.size) throw new HoldsLarger(name, known);
      }
      throw new Error(`${name} names another size each time`);
    },
    ids: () => Promise.resolve([]),
  };
}

async function add(address: string, old: number, { checkpoint, consistency, signal }: Giving): Promise<Response> {
  const proof = old === 0 || old === checkpoint.size ? [] : await consistency(old);
  const lines = [`old ${old}`, ...proof.map(encodeBase64)].map((line) => `${line}\n`).join('');
  return fetch(address, { method: 'POST', body: `${lines}\n${checkpoint.note}`, signal, redirect: 'error' });
}

/** 422: the proof does not lead from the tree that it cosigned to this one. */
function refusal(name: string, status: number, size: number): Error {
  return status === 422 ? new NotTheSameTree(name, size) : new Error(`${name} answered ${status}`);
}

/** The body of 409 is the size that the witness last cosigned. */
function sizeIn(text: string): number {
  const size = /^(?:0|[1-9]\d{0,15})\n?$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(size)) throw new Error('the witness names no size');
  return size;
}

/** The note with this witness's signature, and with none that it should not have made. Throws where it is not good. */
function cosigned(note: string, lines: string, key: NoteVerifier, name: string): string {
  const parsed = parseNote(note);
  const answered = parsed === undefined ? undefined : parseNote(`${parsed.text}\n${lines}`);
  const signature = answered?.signatures.find((one) => one.name === key.name && one.keyId === key.keyId);
  if (parsed === undefined || signature === undefined) throw new Error(`${name} answered no cosignature of its key`);
  const whole = formatNote(withSignature(parsed, signature));
  if (openNote(whole, [key]).kind !== 'signed') throw new Error(`the cosignature of ${name} is not good`);
  return whole;
}
