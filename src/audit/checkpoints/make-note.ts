import { formatTreeHead, mapExtension, mapRootOf, parseTreeHead } from '../../core/tlog/checkpoint.ts';
import { formatNote, parseNote } from '../../core/tlog/note.ts';
import { noteVerifier, signText } from '../../core/tlog/note-keys.ts';
import type { Deeds } from '../worker/protocol.ts';

export interface NoteContent {
  readonly origin: string;
  readonly size: number;
  /** Hex. */
  readonly root: string;
  /** Hex. */
  readonly map: string;
}

/** A checkpoint as a signed note; each key signs under the origin as its name. Rejects where nothing can be signed. */
export async function makeNote({ origin, size, root, map }: NoteContent, sign: Deeds['sign']): Promise<string> {
  const extensions = [mapExtension(Buffer.from(map, 'hex'))];
  const text = formatTreeHead({ origin, size, root: Buffer.from(root, 'hex'), extensions });
  const signatures = await sign(text);
  return formatNote({
    text,
    signatures: signatures.map(({ publicKey, signature }) => signText(text, noteVerifier(origin, publicKey), () => signature)),
  });
}

/** What a note says, without asking who signed it; undefined where it is no checkpoint of ours. */
export function readNote(note: string): NoteContent | undefined {
  const head = parseTreeHead(parseNote(note)?.text ?? '');
  const map = head === undefined ? undefined : mapRootOf(head);
  if (head === undefined || map === undefined) return undefined;
  return { origin: head.origin, size: head.size, root: hex(head.root), map: hex(map) };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
