import { mapRootOf, parseTreeHead, type TreeHead } from './checkpoint.ts';
import type { CheckpointFault } from './export-findings.ts';
import { openNote, type NoteVerifier } from './note-keys.ts';

/** A checkpoint that a known key signed, or why it is none. */
export type SignedHead =
  | { readonly kind: 'signed'; readonly head: TreeHead; readonly map: Uint8Array | undefined }
  | { readonly kind: 'fault'; readonly reason: CheckpointFault; readonly size?: number };

/**
 * `origin`: of the log that it must be about; any where undefined. A witness's signature alone does not make a checkpoint, nor does that
 * of another log: a key signs for the log whose name it has.
 */
export function openCheckpoint(note: string, keys: readonly NoteVerifier[], origin: string | undefined): SignedHead {
  const opened = openNote(note, keys);
  if (opened.kind !== 'signed') return { kind: 'fault', reason: opened.kind };
  const head = parseTreeHead(opened.note.text);
  if (head === undefined) return { kind: 'fault', reason: 'malformed' };
  const by = opened.signatures.flatMap((signature) => (signature.by.type === 'ed25519' ? [signature.by.name] : []));
  if (by.length === 0) return { kind: 'fault', reason: 'unknown', size: head.size };
  if (origin !== undefined && head.origin !== origin) return { kind: 'fault', reason: 'origin', size: head.size };
  if (!by.includes(head.origin)) return { kind: 'fault', reason: 'unknown', size: head.size };
  return { kind: 'signed', head, map: mapRootOf(head) };
}
