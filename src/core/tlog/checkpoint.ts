import { decodeBase64, encodeBase64 } from '../base64.ts';
import { HASH_SIZE } from './merkle.ts';
import { isNoteText } from './note.ts';

/** The text of a note that says what a log is at a size (C2SP tlog-checkpoint). */
export interface TreeHead {
  /** Which log. */
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  /** Lines after the third. */
  readonly extensions: readonly string[];
}

const SIZE = /^(?:0|[1-9]\d{0,15})$/;
const MAP_EXTENSION = 'sluice-map/v1 ';

/** Throws a RangeError for what would be no checkpoint. */
export function formatTreeHead({ origin, size, root, extensions }: TreeHead): string {
  const text = `${[origin, String(size), encodeBase64(root), ...extensions].join('\n')}\n`;
  if (parseTreeHead(text)?.extensions.length !== extensions.length) throw new RangeError('not a checkpoint');
  return text;
}

/** Undefined for everything that `formatTreeHead` does not make. */
export function parseTreeHead(text: string): TreeHead | undefined {
  if (!isNoteText(text)) return undefined;
  const lines = text.slice(0, -1).split('\n');
  const [origin = '', sizeText = '', rootText = '', ...extensions] = lines;
  const size = SIZE.test(sizeText) ? Number(sizeText) : Number.NaN;
  const root = decodeBase64(rootText);
  if (lines.includes('') || origin === '' || !Number.isSafeInteger(size) || root?.length !== HASH_SIZE) return undefined;
  return { origin, size, root, extensions };
}

/** The extension line that commits to the map of sub-logs. */
export function mapExtension(mapRoot: Uint8Array): string {
  return `${MAP_EXTENSION}${encodeBase64(mapRoot)}`;
}

/** Undefined where the checkpoint commits to no map, or to more than one. */
export function mapRootOf({ extensions }: Pick<TreeHead, 'extensions'>): Uint8Array | undefined {
  const [line, ...others] = extensions.filter((extension) => extension.startsWith(MAP_EXTENSION));
  const root = line === undefined || others.length > 0 ? undefined : decodeBase64(line.slice(MAP_EXTENSION.length));
  return root?.length === HASH_SIZE ? root : undefined;
}
