import type { Brand } from '../brand.ts';

/** Well-formed JSON text of one value, as it was written: 64-bit integers and `1.0` stay what they are. */
export type RawJson = Brand<string, 'RawJson'>;

/** A number that JavaScript would change: its text, which `JSON.stringify` writes out as it stands. Made by `JSON.rawJSON`. */
export interface RawNumber {
  readonly rawJSON: string;
}

/** JSON that goes through us unchanged: parsed, checked, and written out again with every number as it came. */
export type LosslessJson = null | boolean | number | string | RawNumber | readonly LosslessJson[] | LosslessObject;
export type LosslessObject = { readonly [key: string]: LosslessJson };
