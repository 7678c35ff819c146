/**
 * The sealed part of one event, as its row holds it and as the event commits to it. In bytes: 1 version, 16 seed, 16 pseudonym of the
 * holder, 2 number of texts, 48 each (32 id, 16 pseudonym of the version), 4 length of the facts, the facts, the answer where there is
 * one.
 */
export interface Envelope extends Sealing {
  readonly texts: readonly TextRef[];
}

/** Of what an envelope is made. */
export interface Sealing {
  /** 16 random bytes, part of what the keys are derived from: no key is used twice. */
  readonly seed: Uint8Array;
  /** Hex. */
  readonly holder: string;
  readonly facts: Uint8Array;
  readonly answer: Uint8Array | undefined;
}

export interface TextRef {
  /** Hex, of the row in `audit_texts`. */
  readonly id: string;
  /** Hex, of the version's key. */
  readonly pseudonym: string;
}

export const MAX_TEXTS = 1_000;

const VERSION = 1;
const PSEUDONYM = 16;
const ID = 32;
const TEXT = ID + PSEUDONYM;
const FIXED = 1 + 16 + PSEUDONYM + 2;

/** A text as an envelope refers to it. */
export function encodeTextRef({ id, pseudonym }: TextRef): Buffer {
  return Buffer.from(id + pseudonym, 'hex');
}

/** `refs`: of each text, as `encodeTextRef` makes them. */
export function encodeEnvelope({ seed, holder, refs, facts, answer }: Sealing & { readonly refs: readonly Uint8Array[] }): Buffer {
  const textsEnd = FIXED + refs.length * TEXT;
  // From the pool, and wiped: a memory of its own for each costs more.
  const bytes = Buffer.allocUnsafe(textsEnd + 4 + facts.length + (answer?.length ?? 0)).fill(0);
  bytes[0] = VERSION;
  bytes.set(seed, 1);
  bytes.write(holder, 17, 'hex');
  bytes.writeUInt16BE(refs.length, 33);
  for (const [index, ref] of refs.entries()) bytes.set(ref, FIXED + index * TEXT);
  bytes.writeUInt32BE(facts.length, textsEnd);
  bytes.set(facts, textsEnd + 4);
  if (answer !== undefined) bytes.set(answer, textsEnd + 4 + facts.length);
  return bytes;
}

/** Undefined for what is no envelope. */
export function decodeEnvelope(content: Uint8Array): Envelope | undefined {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  if (bytes.length < FIXED + 4 || bytes[0] !== VERSION) return undefined;
  const count = bytes.readUInt16BE(33);
  const textsEnd = FIXED + count * TEXT;
  if (bytes.length < textsEnd + 4) return undefined;
  const factsEnd = textsEnd + 4 + bytes.readUInt32BE(textsEnd);
  if (bytes.length < factsEnd) return undefined;
  const hex = (from: number, length: number): string => bytes.toString('hex', from, from + length);
  return {
    seed: bytes.subarray(1, 17),
    holder: hex(17, PSEUDONYM),
    texts: Array.from({ length: count }, (_, index) => {
      const from = FIXED + index * TEXT;
      return { id: hex(from, ID), pseudonym: hex(from + ID, PSEUDONYM) };
    }),
    facts: bytes.subarray(textsEnd + 4, factsEnd),
    answer: bytes.length === factsEnd ? undefined : bytes.subarray(factsEnd),
  };
}
