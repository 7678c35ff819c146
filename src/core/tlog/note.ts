import { decodeBase64, encodeBase64 } from '../base64.ts';

/** A signature line of a note (C2SP signed-note). */
export interface NoteSignature {
  readonly name: string;
  /** 8 hex digits. */
  readonly keyId: string;
  readonly signature: Uint8Array;
}

export interface SignedNote {
  /** Ends with a newline. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

/** The most signature lines and bytes that are looked at: notes come from outside. */
const MAX_SIGNATURES = 100;
const MAX_BYTES = 1_048_576;
const SPACE_OR_PLUS = /[\p{White_Space}+]/u;
// oxlint-disable-next-line no-control-regex -- these are what is forbidden
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/;
const LINE = /^\u2014 (\S+) (\S+)$/u;

export function isKeyName(name: string): boolean {
  return name !== '' && name.isWellFormed() && !SPACE_OR_PLUS.test(name) && !CONTROL.test(name);
}

/** Whether this can be signed: not empty, UTF-8, no control characters but newlines, and a newline at its end. */
export function isNoteText(text: string): boolean {
  return text.endsWith('\n') && text.isWellFormed() && !CONTROL.test(text);
}

/** Throws a RangeError for what would be no note. */
export function formatNote({ text, signatures }: SignedNote): string {
  if (!isNoteText(text)) throw new RangeError('not the text of a note');
  if (signatures.length === 0 || signatures.length > MAX_SIGNATURES) throw new RangeError('a note has 1 to 100 signatures');
  return `${text}\n${signatures.map(signatureLine).join('')}`;
}

/** Undefined for what is not in the form of a note. Says nothing about who signed. */
export function parseNote(note: string): SignedNote | undefined {
  if (Buffer.byteLength(note, 'utf8') > MAX_BYTES || !isNoteText(note)) return undefined;
  // The last empty line separates: a text may hold others.
  const split = note.lastIndexOf('\n\n');
  if (split < 0) return undefined;
  const lines = note.slice(split + 2, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) return undefined;
  const signatures = lines.flatMap((line) => parseLine(line) ?? []);
  return signatures.length === lines.length ? { text: note.slice(0, split + 1), signatures } : undefined;
}

/** The same note with this signature too; the same note where it has it already. */
export function withSignature(note: SignedNote, added: NoteSignature): SignedNote {
  const line = signatureLine(added);
  const known = note.signatures.some((signature) => signatureLine(signature) === line);
  return known ? note : { text: note.text, signatures: [...note.signatures, added] };
}

function signatureLine({ name, keyId, signature }: NoteSignature): string {
  if (!isKeyName(name)) throw new RangeError('not the name of a key');
  return `\u2014 ${name} ${encodeBase64(Buffer.concat([Buffer.from(keyId, 'hex'), signature]))}\n`;
}

function parseLine(line: string): NoteSignature | undefined {
  const [, name, encoded] = LINE.exec(line) ?? [];
  const bytes = encoded === undefined ? undefined : decodeBase64(encoded);
  if (name === undefined || !isKeyName(name) || bytes === undefined || bytes.length < 5) return undefined;
  return { name, keyId: bytes.toString('hex', 0, 4), signature: bytes.subarray(4) };
}
