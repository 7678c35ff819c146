/** No line of an export is longer: a body has at most 1,048,576 characters. */
export const MAX_LINE = 16 * 1_048_576;

/** Bytes [start, end) of `bytes`. `bytes[start - 1]` exists, and may be written to as long as it is put back. */
export type OnLine = (bytes: Uint8Array, start: number, end: number) => void;

export interface LineSplitter {
  push(chunk: Uint8Array): void;
  /** `whole`: nothing stood behind the last newline. What did is given as a line too. */
  end(): { readonly whole: boolean };
}

const NEWLINE = 0x0a;

/** Splits a stream of bytes at newlines and copies only what lies across two chunks. A line above the limit comes whole, or as more of its beginning than the limit. */
export function splitLines(onLine: OnLine, limit = MAX_LINE): LineSplitter {
  // The part of a line that the chunks so far ended with, behind one byte of room.
  let parts: Uint8Array[] = [];
  let length = 0;
  const keep = (part: Uint8Array): void => {
    const fits = part.subarray(0, Math.max(0, limit + 1 - length));
    if (fits.length > 0) parts.push(Buffer.from(fits));
    length += part.length;
  };
  const complete = (): void => {
    const line = Buffer.concat([Uint8Array.of(0), ...parts]);
    parts = [];
    length = 0;
    onLine(line, 1, line.length);
  };
  return {
    push(chunk) {
      let start = 0;
      for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
        if (start === 0 || length > 0) {
          keep(chunk.subarray(start, end));
          complete();
        } else {
          onLine(chunk, start, end);
        }
        start = end + 1;
      }
      if (start < chunk.length) keep(chunk.subarray(start));
    },
    end() {
      if (length === 0) return { whole: true };
      complete();
      return { whole: false };
    },
  };
}
