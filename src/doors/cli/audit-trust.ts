import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { parseKeySet } from '../../core/jwks.ts';
import { parseTreeHead } from '../../core/tlog/checkpoint.ts';
import { isKeyName, parseNote } from '../../core/tlog/note.ts';
import { noteVerifier, parseVerifierKey, type NoteVerifier } from '../../core/tlog/note-keys.ts';
import type { ConsistencyLink } from '../../core/tlog/verify-export.ts';
import { CommandFailure } from './failure.ts';

/** What an auditor brings along: a checkpoint and keys. */
export interface Trust {
  /** A signed note. */
  readonly checkpoint: string;
  readonly keys: readonly NoteVerifier[];
}

/**
 * Reads a file with a signed note, and keys: verifier keys, files with one on each line, or key sets, whose keys sign under the origin
 * of the checkpoint. Fails as unusable where a file cannot be read, or holds no key.
 */
export async function readTrust(checkpointFile: string, keys: readonly string[]): Promise<Trust> {
  const checkpoint = await textOf(checkpointFile);
  const origin = parseTreeHead(parseNote(checkpoint)?.text ?? '')?.origin;
  if (origin === undefined) throw unusable(`${checkpointFile} is no checkpoint; "sluice audit checkpoint" prints one`);
  const read = await Promise.all(keys.map((key) => readKeys(key, origin)));
  return { checkpoint, keys: read.flat() };
}

const proof = z.object({ from: z.int().min(0), to: z.int().min(0), hashes: z.array(z.string().regex(/^[0-9a-f]{64}$/)) });

/** A proof as the service answers it. Fails as unusable where the file holds none. */
export async function readConsistency(file: string): Promise<ConsistencyLink> {
  const text = await textOf(file);
  try {
    const { from, to, hashes } = proof.parse(JSON.parse(text));
    return { from, to, hashes: hashes.map((hash) => Buffer.from(hash, 'hex')) };
  } catch (error) {
    throw unusable(`${file} holds no consistency proof`, error);
  }
}

export async function readKeys(key: string, origin: string): Promise<readonly NoteVerifier[]> {
  const direct = parseVerifierKey(key);
  if (direct !== undefined) return [direct];
  const text = (await textOf(key)).trim();
  const found = text.startsWith('{') ? fromKeySet(text, origin) : fromLines(text);
  if (found === undefined || found.length === 0)
    throw unusable(`${key} holds no key: neither verifier keys, one a line, nor a set of Ed25519 keys (/.well-known/jwks.json)`);
  return found;
}

function fromLines(text: string): readonly NoteVerifier[] | undefined {
  const lines = text.split('\n').map((line) => line.trim());
  const keys = lines.filter((line) => line !== '').map(parseVerifierKey);
  return keys.every((key) => key !== undefined) ? keys : undefined;
}

function fromKeySet(text: string, origin: string): readonly NoteVerifier[] | undefined {
  try {
    return isKeyName(origin) ? parseKeySet(JSON.parse(text))?.map(({ publicKey }) => noteVerifier(origin, publicKey)) : undefined;
  } catch {
    return undefined;
  }
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown';
    throw unusable(`${file} cannot be read: ${reason}`, error);
  }
}

function unusable(message: string, cause?: unknown): CommandFailure {
  return new CommandFailure(message, { exitCode: 2, code: 'unusable', cause });
}
