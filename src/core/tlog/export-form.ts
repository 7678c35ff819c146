import { decodeBase64, encodeBase64 } from '../base64.ts';
import { HASH_SIZE } from './merkle.ts';
import { TILE_WIDTH } from './tiles.ts';

/**
 * An export is lines of JSON, each in the one form that is made here, each ended by a newline (docs/audit.md, "Form of an export"). An
 * event's line is its leaf's preimage. Every 256 events begin with the tile of their leaf hashes, so that a fault can be placed.
 */
export const EXPORT_FORM = 'sluice-log/v1';

/** The first line. What it says is claimed, and trusted in nothing. */
export interface ExportHeader {
  readonly kind: 'header';
  readonly origin: string;
  readonly tenant: string;
  /** Positions [from, to). */
  readonly from: number;
  readonly to: number;
  /** Of the tree of size `from`. */
  readonly peaks: readonly Uint8Array[];
}

export type ExportLine =
  | ExportHeader
  /** Leaf hashes from position index · 256, as far as the export goes. Before the first of their events. */
  | { readonly kind: 'tile'; readonly index: number; readonly hashes: Buffer }
  /** Behind the events that it is about; one beyond the end behind the proof that leads to it. */
  | { readonly kind: 'checkpoint'; readonly note: string }
  /** That the tree of size `size` begins with what was exported. */
  | { readonly kind: 'proof'; readonly size: number; readonly hashes: readonly Uint8Array[] }
  /** In place of an event of version 1 whose text is gone: its leaf. A later event of the log lists its position under `emptied`. */
  | { readonly kind: 'erased'; readonly index: number; readonly leaf: Buffer }
  /** The last line: SHA-256 over all lines before it that are not events, newlines included. */
  | { readonly kind: 'end'; readonly digest: string };

/** Ended by a newline. */
export function formatLine(line: ExportLine): string {
  return `${JSON.stringify(asJson(line))}\n`;
}

/** A line without its newline, in the one form it has; undefined for every other, and for the line of an event. */
export function parseLine(text: string): ExportLine | undefined {
  const value = jsonObject(text);
  const line = value === undefined ? undefined : fromJson(value);
  return line !== undefined && formatLine(line) === `${text}\n` ? line : undefined;
}

function asJson(line: ExportLine): object {
  switch (line.kind) {
    case 'header': {
      const { origin, tenant, from, to, peaks } = line;
      return { export: EXPORT_FORM, origin, tenant, from, to, peaks: peaks.map(hex) };
    }
    case 'tile':
      return { tile: line.index, hashes: encodeBase64(line.hashes) };
    case 'checkpoint':
      return { checkpoint: line.note };
    case 'proof':
      return { proof: line.hashes.map(hex), size: line.size };
    case 'erased':
      return { erased: true, index: line.index, leaf: hex(line.leaf) };
    case 'end':
      return { end: line.digest };
  }
}

type Fields = Readonly<Record<string, unknown>>;

function fromJson(fields: Fields): ExportLine | undefined {
  const [kind] = Object.keys(fields);
  switch (kind) {
    case 'export':
      return header(fields);
    case 'tile':
      return tile(fields);
    case 'checkpoint':
      return typeof fields['checkpoint'] === 'string' ? { kind, note: fields['checkpoint'] } : undefined;
    case 'proof': {
      const hashes = hashList(fields['proof']);
      return hashes !== undefined && isPosition(fields['size']) ? { kind, size: fields['size'], hashes } : undefined;
    }
    case 'erased': {
      const [leaf] = hashList([fields['leaf']]) ?? [];
      return leaf !== undefined && isPosition(fields['index']) ? { kind, index: fields['index'], leaf } : undefined;
    }
    case 'end':
      return typeof fields['end'] === 'string' ? { kind, digest: fields['end'] } : undefined;
    default:
      return undefined;
  }
}

function header({ export: form, origin, tenant, from, to, peaks: listed }: Fields): ExportHeader | undefined {
  const peaks = hashList(listed);
  if (form !== EXPORT_FORM || typeof origin !== 'string' || typeof tenant !== 'string' || peaks === undefined) return undefined;
  return isPosition(from) && isPosition(to) && from <= to ? { kind: 'header', origin, tenant, from, to, peaks } : undefined;
}

function tile({ tile: index, hashes: encoded }: Fields): ExportLine | undefined {
  const hashes = typeof encoded === 'string' ? decodeBase64(encoded) : undefined;
  if (!isPosition(index) || hashes === undefined) return undefined;
  const width = hashes.length / HASH_SIZE;
  return Number.isInteger(width) && width > 0 && width <= TILE_WIDTH ? { kind: 'tile', index, hashes } : undefined;
}

function hashList(value: unknown): readonly Buffer[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const hashes = value.flatMap((item: unknown) =>
    typeof item === 'string' && /^[0-9a-f]{64}$/.test(item) ? [Buffer.from(item, 'hex')] : [],
  );
  return hashes.length === value.length ? hashes : undefined;
}

function isPosition(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function jsonObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

function hex(hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('hex');
}
