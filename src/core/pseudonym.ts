import { createHmac, createSecretKey } from 'node:crypto';

/**
 * HMAC-SHA-256 of the name under its own key of 32 random bytes, cut to 128 bits, as hex: nobody without the key can tell it from the
 * name, or tell two apart. Auditors compute it too (docs/audit.md), so its meaning is part of the format.
 */
export function pseudonymOf({ kind, name }: { readonly kind: string; readonly name: string }, key: Uint8Array): string {
  return createHmac('sha256', createSecretKey(key)).update(`name ${kind} `).update(name, 'utf8').digest('hex').slice(0, 32);
}
