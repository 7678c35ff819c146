import picocolors from 'picocolors';

export type Colors = ReturnType<typeof picocolors.createColors>;

/** Where a command writes. Results go to `out`, everything about them to `err`. */
export interface Terminal {
  out(line: string): void;
  err(line: string): void;
  /** To where results go, byte for byte, and nothing after it. */
  raw(bytes: Uint8Array): void;
  /** Whether a person is watching `err`: only then are there progress bars. */
  readonly watched: boolean;
  readonly colors: Colors;
}

interface Output {
  readonly isTTY?: boolean;
  write(text: string | Uint8Array): unknown;
}

export function createTerminal(stdout: Output, stderr: Output): Terminal {
  return {
    out: (line) => void stdout.write(`${line}\n`),
    err: (line) => void stderr.write(`${line}\n`),
    raw: (bytes) => void stdout.write(Buffer.from(bytes)),
    watched: stderr.isTTY === true,
    colors: picocolors.createColors(stdout.isTTY === true && picocolors.isColorSupported),
  };
}

/** Names come from documents and file systems: control and direction characters in them could rewrite what a person reads. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{fffd}');
}
