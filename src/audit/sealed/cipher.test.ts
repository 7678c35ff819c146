import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decrypt, encrypt, PART_PACKED_FROM, TEXT_PACKED_FROM } from './cipher.ts';

const key = randomBytes(32);
const sealed = (text: string, packedFrom: number): Buffer => encrypt(key, 'facts', text, { random: randomBytes, packedFrom });
/** Nonce, tag, and the byte that says how the rest is packed. */
const AROUND = 12 + 16 + 1;

describe('a part', () => {
  it('opens as it was, packed or not, whatever it was packed from', () => {
    const long = fc.tuple(fc.string({ unit: 'grapheme' }), fc.nat(3_000)).map(([text, times]) => text.repeat(times));
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'grapheme' }), long),
        fc.constantFrom(0, TEXT_PACKED_FROM, PART_PACKED_FROM, Infinity),
        (text, from) => {
          expect(decrypt(key, 'facts', sealed(text, from))).toBe(text);
        },
      ),
    );
  });

  it('is packed from the size on that is named, and opens with its own key, where it belongs, and whole', () => {
    const text = 'said again and again, '.repeat(40);
    const plain = sealed(text, PART_PACKED_FROM);
    const packed = sealed(text, TEXT_PACKED_FROM);
    expect(plain).toHaveLength(text.length + AROUND);
    expect(packed.length).toBeLessThan(200);
    for (const bytes of [plain, packed]) {
      expect(decrypt(key, 'facts', bytes)).toBe(text);
      expect(decrypt(randomBytes(32), 'facts', bytes)).toBeUndefined();
      expect(decrypt(key, 'answer', bytes)).toBeUndefined();
      expect(decrypt(key, 'facts', bytes.subarray(0, -1))).toBeUndefined();
    }
  });

  it('is as long as it is where packing saves nothing', () => {
    const noise = randomBytes(3_000).toString('latin1');
    expect(sealed(noise, 0).length).toBeLessThanOrEqual(Buffer.byteLength(noise, 'utf8') + AROUND);
    expect(decrypt(key, 'facts', sealed(noise, 0))).toBe(noise);
  });
});
