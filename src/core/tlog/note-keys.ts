import { decodeBase64, encodeBase64 } from '../base64.ts';
import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES, verifyEd25519 } from '../ed25519.ts';
import { sha256 } from './merkle.ts';
import { isKeyName, parseNote, type NoteSignature, type SignedNote } from './note.ts';

/** `ed25519`: signs the text. `cosignature`: a witness's, with its time (C2SP tlog-cosignature). Both Ed25519. */
export type NoteKeyType = 'ed25519' | 'cosignature';

const TYPE_BYTE: Readonly<Record<NoteKeyType, number>> = { ed25519: 1, cosignature: 4 };
const VKEY = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/u;
const TIME_SIZE = 8;

/** What a reader of notes was told to trust. */
export interface NoteVerifier {
  readonly name: string;
  /** 8 hex digits. */
  readonly keyId: string;
  readonly type: NoteKeyType;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

export interface VerifiedSignature {
  readonly by: NoteVerifier;
  /** Of a cosignature: seconds since 1970. */
  readonly time?: number;
}

/** `unknown`: none of the keys signed it. `forged`: a signature in the name of this key is not the key's, so nothing of it counts. */
export type NoteVerdict =
  | { readonly kind: 'signed'; readonly note: SignedNote; readonly signatures: readonly VerifiedSignature[] }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'forged'; readonly name: string };

/** First four bytes of SHA-256(name ‖ newline ‖ type ‖ public key), as hex. */
export function noteKeyId(name: string, type: NoteKeyType, publicKey: Uint8Array): string {
  return sha256(Buffer.concat([Buffer.from(`${name}\n`, 'utf8'), Uint8Array.of(TYPE_BYTE[type]), publicKey])).toString('hex', 0, 4);
}

/** Throws a RangeError where the name is none, or the key has not 32 bytes. */
export function noteVerifier(name: string, publicKey: Uint8Array, type: NoteKeyType = 'ed25519'): NoteVerifier {
  if (!isKeyName(name)) throw new RangeError('not the name of a key');
  if (publicKey.length !== PUBLIC_KEY_BYTES) throw new RangeError('an Ed25519 public key has 32 bytes');
  return { name, keyId: noteKeyId(name, type, publicKey), type, publicKey };
}

/** `name+id+base64(type ‖ public key)`. */
export function formatVerifierKey({ name, keyId, type, publicKey }: NoteVerifier): string {
  return `${name}+${keyId}+${encodeBase64(Buffer.concat([Uint8Array.of(TYPE_BYTE[type]), publicKey]))}`;
}

/** Undefined for another form, another algorithm, and an id that is not the key's. */
export function parseVerifierKey(vkey: string): NoteVerifier | undefined {
  const [, name = '', keyId, encoded = ''] = VKEY.exec(vkey) ?? [];
  const bytes = decodeBase64(encoded);
  if (!isKeyName(name) || bytes?.length !== PUBLIC_KEY_BYTES + 1) return undefined;
  const type = bytes[0] === TYPE_BYTE.ed25519 ? 'ed25519' : bytes[0] === TYPE_BYTE.cosignature ? 'cosignature' : undefined;
  const verifier = type === undefined ? undefined : noteVerifier(name, bytes.subarray(1), type);
  return verifier?.keyId === keyId ? verifier : undefined;
}

/** Signs with a key that never comes here. */
export function signText(text: string, signer: NoteVerifier, sign: (message: Uint8Array) => Uint8Array): NoteSignature {
  if (signer.type !== 'ed25519') throw new RangeError('a witness cosigns');
  return { name: signer.name, keyId: signer.keyId, signature: sign(Buffer.from(text, 'utf8')) };
}

/** `time`: seconds since 1970, at which the witness had seen no larger tree of this log. */
export function cosignText(text: string, time: number, signer: NoteVerifier, sign: (message: Uint8Array) => Uint8Array): NoteSignature {
  if (signer.type !== 'cosignature') throw new RangeError('a log signs its text alone');
  const stamp = Buffer.alloc(TIME_SIZE);
  stamp.writeBigUInt64BE(BigInt(time));
  return { name: signer.name, keyId: signer.keyId, signature: Buffer.concat([stamp, sign(cosignedMessage(text, time))]) };
}

/**
 * Verifies all signatures of known keys. Those of unknown keys are ignored, even with the name or the id of a known one; a note with one
 * that is not what it says is refused whole.
 */
export function openNote(note: string, trusted: readonly NoteVerifier[]): NoteVerdict {
  const parsed = parseNote(note);
  if (parsed === undefined) return { kind: 'malformed' };
  const verified = new Map<NoteVerifier, VerifiedSignature>();
  for (const signature of parsed.signatures) {
    const by = trusted.find(({ name, keyId }) => name === signature.name && keyId === signature.keyId);
    if (by === undefined) continue;
    const result = verifySignature(parsed.text, signature.signature, by);
    if (result === undefined) return { kind: 'forged', name: by.name };
    // The same key twice is one signer.
    if (!verified.has(by)) verified.set(by, result);
  }
  return verified.size === 0 ? { kind: 'unknown' } : { kind: 'signed', note: parsed, signatures: [...verified.values()] };
}

function verifySignature(text: string, signature: Uint8Array, by: NoteVerifier): VerifiedSignature | undefined {
  if (by.type === 'ed25519') return verifyEd25519(by.publicKey, Buffer.from(text, 'utf8'), signature) ? { by } : undefined;
  if (signature.length !== TIME_SIZE + SIGNATURE_BYTES) return undefined;
  const time = Number(Buffer.from(signature.subarray(0, TIME_SIZE)).readBigUInt64BE());
  if (!Number.isSafeInteger(time)) return undefined;
  return verifyEd25519(by.publicKey, cosignedMessage(text, time), signature.subarray(TIME_SIZE)) ? { by, time } : undefined;
}

function cosignedMessage(text: string, time: number): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${time}\n${text}`, 'utf8');
}
