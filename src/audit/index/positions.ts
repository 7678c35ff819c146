/** Positions in a full block of a sub-log. */
export const BLOCK_POSITIONS = 512;

/** Writes ascending positions as distances, the first from `before`, each as unsigned LEB128. */
export function encodePositions(positions: readonly number[], before = 0): Uint8Array {
  const bytes: number[] = [];
  let last = before;
  for (const position of positions) {
    let rest = position - last;
    // Sizes may pass 2^31, so no bit operators.
    while (rest >= 128) {
      bytes.push((rest % 128) + 128);
      rest = Math.floor(rest / 128);
    }
    bytes.push(rest);
    last = position;
  }
  return Uint8Array.from(bytes);
}

/** Throws a RangeError on bytes that `encodePositions` does not make. */
export function decodePositions(bytes: Uint8Array, before = 0): number[] {
  const positions: number[] = [];
  let last = before;
  let value = 0;
  let factor = 1;
  for (const byte of bytes) {
    value += (byte % 128) * factor;
    factor *= 128;
    if (byte >= 128) continue;
    last += value;
    positions.push(last);
    value = 0;
    factor = 1;
  }
  if (factor !== 1) throw new RangeError('a block of positions ends in the middle of one');
  return positions;
}
