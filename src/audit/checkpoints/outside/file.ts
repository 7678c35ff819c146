import { constants } from 'node:fs';
import { mkdir, open, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { readNote, type NoteContent } from '../make-note.ts';
import { originId } from '../origins.ts';
import type { Held, IsSigned, Place } from './place.ts';

const ENDING = '.jsonl';
const line = z.object({ note: z.string() });
/** A note has a few hundred bytes, with many cosignatures a few thousand. */
const READ_AT_ONCE = 65_536;
/** Whoever can write in the directory does not send us elsewhere by a link, nor keep us waiting by a pipe. */
const PLAINLY = constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * A directory with an append-only file for each log: a line of JSON for each checkpoint, synced before it counts as given. Beside it
 * `<id>.checkpoint` is the last note alone, as verifiers take it.
 */
export function filePlace(directory: string, name: string, isSigned: IsSigned): Place {
  const fileOf = (origin: string): string => join(directory, `${originId(origin)}${ENDING}`);
  return {
    name,
    last: (origin) => largestNote(fileOf(origin), origin, isSigned),
    async give({ checkpoint, known }) {
      const { origin, size, root, at, note } = checkpoint;
      await mkdir(directory, { recursive: true, mode: 0o700 });
      // A file that should be there and is not was lost or taken away; one that we made anew would hide it.
      const flags = constants.O_RDWR | constants.O_APPEND | PLAINLY | (known > 0 ? 0 : constants.O_CREAT);
      const file = await open(fileOf(origin), flags, 0o600).catch((error: unknown) => {
        throw new MissingFile(fileOf(origin), known, error);
      });
      try {
        const found = await file.stat();
        if (!found.isFile()) throw new Error(`${fileOf(origin)} is no regular file`);
        const length = found.size;
        const [last] = length === 0 ? [] : (await file.read({ buffer: Buffer.alloc(1), position: length - 1 })).buffer;
        // What a crash left of a line stays, and is not read as one.
        const broken = last !== undefined && last !== 10 ? '\n' : '';
        // Behind whatever is there by now: another holder of the lease may have written meanwhile.
        await file.appendFile(`${broken}${JSON.stringify({ origin, size, root, at, note })}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      const latest = join(directory, `${originId(origin)}.checkpoint`);
      await rm(`${latest}.new`, { force: true });
      await writeFile(`${latest}.new`, note, { mode: 0o600, flag: 'wx' });
      await rename(`${latest}.new`, latest);
      return {};
    },
    async ids() {
      const names = await readdir(directory).catch((error: unknown) => {
        // It is made with the first checkpoint. One that cannot be read is not one that is empty.
        if (isAbsent(error)) return [];
        throw error;
      });
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

/** Among the last lines, of which the newest is not always the largest. Rejects where the file cannot be read. */
async function largestNote(path: string, origin: string, isSigned: IsSigned): Promise<Held> {
  const notes = (await lastLines(path)).flatMap((text) => noteIn(text) ?? []).toSorted((a, b) => b.size - a.size);
  for (const [strange, { note, ...found }] of notes.entries()) {
    if (await isSigned(note, origin)) return { kind: 'held', ...found, strange };
  }
  return { kind: 'none', strange: notes.length };
}

/** None where there is no file. */
async function lastLines(path: string): Promise<readonly string[]> {
  const file = await open(path, constants.O_RDONLY | PLAINLY).catch((error: unknown) => {
    if (isAbsent(error)) return undefined;
    throw error;
  });
  if (file === undefined) return [];
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new Error(`${path} is no regular file`);
    const from = Math.max(0, found.size - READ_AT_ONCE);
    const { buffer } = await file.read({ buffer: Buffer.alloc(found.size - from), position: from });
    return buffer.toString('utf8').split('\n');
  } finally {
    await file.close();
  }
}

function noteIn(text: string): (NoteContent & { readonly note: string }) | undefined {
  try {
    const { note } = line.parse(JSON.parse(text));
    const found = readNote(note);
    return found === undefined ? undefined : { ...found, note };
  } catch {
    return undefined;
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
