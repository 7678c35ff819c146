import { mkdir, open, readdir, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { readNote, type NoteContent } from '../make-note.ts';
import { originId } from '../origins.ts';
import type { Place } from './place.ts';

const ENDING = '.jsonl';
const line = z.object({ note: z.string() });
/** A note has a few hundred bytes, with many cosignatures a few thousand. */
const READ_AT_ONCE = 65_536;

/**
 * A directory with an append-only file for each log: a line of JSON for each checkpoint, synced before it counts as given. Beside it
 * `<id>.checkpoint` is the last note alone, as verifiers take it.
 */
export function filePlace(directory: string, name: string): Place {
  const fileOf = (origin: string): string => join(directory, `${originId(origin)}${ENDING}`);
  return {
    name,
    async last(origin) {
      const found = await lastNote(fileOf(origin));
      return found === undefined ? { kind: 'none' } : { kind: 'held', ...found };
    },
    async give({ checkpoint, known }) {
      const { origin, size, root, at, note } = checkpoint;
      await mkdir(directory, { recursive: true, mode: 0o700 });
      // A file that should be there and is not was lost or taken away; one that we made anew would hide it.
      const file = await open(fileOf(origin), known > 0 ? 'r+' : 'a+', 0o600).catch((error: unknown) => {
        throw new MissingFile(fileOf(origin), known, error);
      });
      try {
        const { size: length } = await file.stat();
        const [last] = length === 0 ? [] : (await file.read({ buffer: Buffer.alloc(1), position: length - 1 })).buffer;
        // What a crash left of a line stays, and is not read as one.
        const broken = last !== undefined && last !== 10 ? '\n' : '';
        await file.write(`${broken}${JSON.stringify({ origin, size, root, at, note })}\n`, length);
        await file.sync();
      } finally {
        await file.close();
      }
      const latest = join(directory, `${originId(origin)}.checkpoint`);
      await writeFile(`${latest}.new`, note, { mode: 0o600 });
      await rename(`${latest}.new`, latest);
      return {};
    },
    async ids() {
      const names = await readdir(directory).catch(() => []);
      return names.filter((file) => file.endsWith(ENDING)).map((file) => basename(file, ENDING));
    },
  };
}

class MissingFile extends Error {
  constructor(path: string, size: number, cause: unknown) {
    super(
      `${path} cannot be opened, and held a checkpoint of size ${size}. Put it back from a backup; where it is lost, make an empty file of that name`,
      { cause },
    );
    this.name = 'MissingFile';
  }
}

/** Of the last whole line; undefined where there is no file, or nothing in it. Rejects where it cannot be read. */
async function lastNote(path: string): Promise<NoteContent | undefined> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return undefined;
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - READ_AT_ONCE);
    const { buffer } = await file.read({ buffer: Buffer.alloc(size - from), position: from });
    const lines = buffer.toString('utf8').split('\n').toReversed();
    for (const text of lines) {
      const found = noteIn(text);
      if (found !== undefined) return found;
    }
    return undefined;
  } finally {
    await file.close();
  }
}

function noteIn(text: string): NoteContent | undefined {
  try {
    return readNote(line.parse(JSON.parse(text)).note);
  } catch {
    return undefined;
  }
}
