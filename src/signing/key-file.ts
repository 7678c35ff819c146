import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { KeyRing } from './key-ring.ts';
import { parseRing, ringText, SigningKeysError } from './ring-text.ts';

const MAX_BYTES = 1024 * 1024;
const OWNER_ONLY = 0o600;
/** Others may do nothing, and nobody but the owner may write. A group may read: that is how containers are handed secrets. */
const TOO_OPEN = 0o027;

export interface ReadRing {
  readonly ring: KeyRing;
  /** Changes whenever the file does. */
  readonly version: string;
}

/** The ring of the file, `absent` where there is no such file. Throws a SigningKeysError for any other that cannot be used. */
export async function readRing(path: string): Promise<ReadRing | 'absent'> {
  const handle = await openForReading(path);
  if (handle === 'absent') return 'absent';
  try {
    // Of the opened file, not of whatever has the name by now.
    const found = await handle.stat();
    if (!found.isFile()) throw new SigningKeysError(path, 'it is no regular file');
    if (process.platform !== 'win32' && (found.mode & TOO_OPEN) !== 0) {
      throw new SigningKeysError(
        path,
        'other accounts may read or change it',
        `Set its mode to 600 ("chmod 600 ${path}"), and, if somebody may have read it, run "sluice admin rotate-key --compromised"`,
      );
    }
    if (found.size > MAX_BYTES) throw new SigningKeysError(path, 'it is too large');
    const text = await handle.readFile('utf8');
    return { ring: parseRing(path, text), version: `${found.dev}:${found.ino}:${found.mtimeMs}:${found.size}` };
  } finally {
    await handle.close();
  }
}

async function openForReading(path: string): Promise<FileHandle | 'absent'> {
  try {
    return await open(path, constants.O_RDONLY);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT') return 'absent';
    throw new SigningKeysError(path, `it cannot be opened (${code})`, 'Give the account of the service the right to read it, and it alone');
  }
}

/**
 * Writes the first ring. False where the file is there by now: of two processes that start at the same time one wins, and the other
 * reads what it wrote. A crash leaves a temporary file at most.
 */
export async function createRingFile(path: string, ring: KeyRing): Promise<boolean> {
  const temporary = await writeTemporary(path, ring);
  try {
    // A link, unlike a rename, does not replace what is there.
    await link(temporary, path);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw notWritten(path, error);
  } finally {
    await unlink(temporary);
  }
  await syncDirectory(path);
  return true;
}

/** Replaces the ring in one step: a reader, and a crash, find the old one whole or the new one whole. */
export async function replaceRingFile(path: string, ring: KeyRing): Promise<void> {
  const temporary = await writeTemporary(path, ring);
  try {
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary);
    throw notWritten(path, error);
  }
  await syncDirectory(path);
}

async function writeTemporary(path: string, ring: KeyRing): Promise<string> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}`);
  let handle: FileHandle;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    // Exclusive, and closed to others from the first byte on.
    handle = await open(temporary, 'wx', OWNER_ONLY);
  } catch (error) {
    throw notWritten(path, error);
  }
  try {
    await handle.writeFile(ringText(ring), 'utf8');
    await handle.sync();
  } catch (error) {
    // A full disk leaves no half of a file of private keys.
    await unlink(temporary).catch(() => undefined);
    throw notWritten(path, error);
  } finally {
    await handle.close();
  }
  return temporary;
}

/** The name has to survive a power cut too, or a signature may outlive its key. */
async function syncDirectory(path: string): Promise<void> {
  // Directories cannot be opened on Windows.
  if (process.platform === 'win32') return;
  const handle = await open(dirname(path), constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function notWritten(path: string, error: unknown): SigningKeysError {
  const remedy = 'Make its directory writable for this account, or name another place with SLUICE_SIGNING_KEYS';
  return new SigningKeysError(path, `it cannot be written (${codeOf(error)})`, remedy);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}
