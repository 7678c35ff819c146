import type { StoredName } from '../ports/evidence.ts';
import { pseudonymOf } from '../pseudonym.ts';
import { mapRootOf, type TreeHead } from './checkpoint.ts';
import type { NoteVerifier } from './note-keys.ts';
import { verifyInclusion } from './proofs.ts';
import { openCheckpoint } from './signed-head.ts';
import { verifyComplete } from './sub-log-map.ts';

/** Proofs as they were answered, with hashes in hex. */
export interface SavedInclusion {
  readonly index: number;
  readonly leaf: string;
  readonly path: readonly string[];
  readonly checkpoint: { readonly note: string };
}

export interface SavedComplete extends StoredName {
  readonly proof: {
    readonly checkpoint: { readonly note: string };
    readonly positions: readonly number[];
    readonly leaves: readonly string[];
    readonly map: { readonly bucket: readonly { readonly key: string; readonly value: string }[]; readonly path: readonly string[] };
  };
}

/** `checkpoint`: not signed by a key that is trusted. `name`: the pseudonym is not made from that name. `proof`: it does not lead to the checkpoint. */
export type ProofVerdict =
  { readonly kind: 'good'; readonly head: TreeHead } | { readonly kind: 'wrong'; readonly what: 'checkpoint' | 'name' | 'proof' };

/** The keys that may sign for the log of this name. */
export type KeysFor = (origin: string) => readonly NoteVerifier[];

export function verifySavedInclusion({ index, leaf, path, checkpoint }: SavedInclusion, keys: KeysFor): ProofVerdict {
  const head = signedHead(checkpoint.note, keys);
  if (head === undefined) return { kind: 'wrong', what: 'checkpoint' };
  return verifyInclusion(bytes(leaf), index, head, path.map(bytes)) ? { kind: 'good', head } : { kind: 'wrong', what: 'proof' };
}

/** That these are all events of the list under this name, or that there is none. */
export function verifySavedComplete({ log, pseudonym, proof }: SavedComplete, keys: KeysFor): ProofVerdict {
  const head = signedHead(proof.checkpoint.note, keys);
  const root = head === undefined ? undefined : mapRootOf(head);
  if (head === undefined || root === undefined) return { kind: 'wrong', what: 'checkpoint' };
  if (pseudonym !== undefined && pseudonymOf(pseudonym, bytes(pseudonym.key)) !== log.name) return { kind: 'wrong', what: 'name' };
  if (proof.leaves.length !== proof.positions.length) return { kind: 'wrong', what: 'proof' };
  const events = proof.positions.map((index, at) => ({ index, leaf: bytes(proof.leaves[at] ?? '') }));
  const bucket = proof.map.bucket.map(({ key, value }) => ({ key: bytes(key), value: bytes(value) }));
  const complete = verifyComplete(log, events, { bucket, path: proof.map.path.map(bytes) }, root);
  return complete ? { kind: 'good', head } : { kind: 'wrong', what: 'proof' };
}

function signedHead(note: string, keys: KeysFor): TreeHead | undefined {
  const origin = note.split('\n', 1)[0] ?? '';
  const opened = openCheckpoint(note, keys(origin), origin);
  return opened.kind === 'signed' ? opened.head : undefined;
}

function bytes(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}
