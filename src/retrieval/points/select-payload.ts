import { isLosslessObject, parseLossless, writeLossless } from '../../core/points/lossless.ts';
import { parsePath } from '../../core/points/payload-path.ts';
import type { Selection } from '../../core/points/question.ts';
import type { RawJson } from '../../core/points/raw-json.ts';

export function selectPayload(payload: RawJson, { kind, keys }: Extract<Selection['payload'], { readonly keys: unknown }>): RawJson {
  const value = parseLossless(payload);
  if (!isLosslessObject(value)) return payload;
  const named = new Set(keys.map((key) => parsePath(key)?.[0].key));
  const kept = Object.entries(value).filter(([key]) => named.has(key) === (kind === 'include'));
  return writeLossless(Object.fromEntries(kept));
}
