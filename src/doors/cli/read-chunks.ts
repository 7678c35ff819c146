import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { CommandFailure } from './failure.ts';

const CHUNK = 1_048_576;
const GZIP = [0x1f, 0x8b];

/**
 * The bytes of a file, or of standard input for `-`, unpacked where they are gzip. Fails as unusable where the file cannot be read;
 * throws what zlib throws where packed data is broken.
 */
export async function* readChunks(file: string): AsyncGenerator<Uint8Array> {
  const raw = rawChunks(file);
  const first: Uint8Array[] = [];
  // A pipe may give one byte at a time.
  for (let length = 0; length < GZIP.length;) {
    const next = await raw.next();
    if (next.done === true) break;
    first.push(next.value);
    length += next.value.length;
  }
  const begin = Buffer.concat(first);
  if (!GZIP.every((byte, i) => begin[i] === byte)) {
    if (begin.length > 0) yield begin;
    yield* raw;
    return;
  }
  const packed = Readable.from(joined(begin, raw));
  const unpacked = packed.pipe(createGunzip({ chunkSize: CHUNK }));
  packed.once('error', (error) => unpacked.destroy(error));
  yield* unpacked as AsyncIterable<Buffer>;
}

async function* joined(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

async function* rawChunks(file: string): AsyncGenerator<Uint8Array, undefined> {
  const stream = file === '-' ? process.stdin : createReadStream(file, { highWaterMark: CHUNK });
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) yield chunk;
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown';
    throw new CommandFailure(`${file} cannot be read: ${reason}`, { exitCode: 2, code: 'unreadable', cause: error });
  }
  return undefined;
}
