import { openCheckpoint } from '../../../core/tlog/signed-head.ts';
import { noteVerifier } from '../../../core/tlog/note-keys.ts';
import type { Deeds } from '../../worker/protocol.ts';
import type { IsSigned } from './place.ts';

/** By any key that this deployment has or had, under the log's own name: who can write at a place outside cannot make a checkpoint there. */
export function signedByUs(deeds: Pick<Deeds, 'keys'>): IsSigned {
  return async (note, origin) => {
    const keys = await deeds.keys();
    const verifiers = keys.map((publicKey) => noteVerifier(origin, publicKey));
    return openCheckpoint(note, verifiers, origin).kind === 'signed';
  };
}
