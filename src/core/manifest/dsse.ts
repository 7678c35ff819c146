import { decodeBase64 } from '../base64.ts';
import { verifyEd25519 } from '../ed25519.ts';
import { isRecord } from '../json.ts';
import type { TrustedKey } from '../jwks.ts';

/** A DSSE envelope (DSSE 1.0.2, JSON form). */
export interface DsseEnvelope {
  readonly payloadType: string;
  /** Standard base64 with padding. */
  readonly payload: string;
  readonly signatures: readonly [DsseSignature, ...DsseSignature[]];
}

export interface DsseSignature {
  /** A hint and not signed: it only says which key to try. */
  readonly keyid?: string;
  /** Standard base64 with padding. */
  readonly sig: string;
}

/** What is signed: `DSSEv1 <length of type> <type> <length of payload> <payload>`, lengths in bytes, decimal. */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const type = Buffer.from(payloadType, 'utf8');
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${payload.length} `), payload]);
}

/** Undefined where it is no envelope. Members that DSSE does not name are passed over, as it says. */
export function parseEnvelope(value: unknown): DsseEnvelope | undefined {
  if (!isRecord(value)) return undefined;
  const { payloadType, payload, signatures } = value;
  if (typeof payloadType !== 'string' || typeof payload !== 'string' || !Array.isArray(signatures)) return undefined;
  const parsed: DsseSignature[] = [];
  for (const signature of signatures as readonly unknown[]) {
    if (!isRecord(signature) || typeof signature['sig'] !== 'string') return undefined;
    const { keyid, sig } = signature;
    if (keyid !== undefined && typeof keyid !== 'string') return undefined;
    parsed.push({ sig, ...(keyid === undefined || keyid === '' ? {} : { keyid }) });
  }
  const [first, ...rest] = parsed;
  return first === undefined ? undefined : { payloadType, payload, signatures: [first, ...rest] };
}

/** One signature: by which key it holds, or that it is `forged` in the name of a known key, or of no key that is known. */
export type SignatureVerdict =
  { readonly kind: 'holds'; readonly key: TrustedKey } | { readonly kind: 'forged'; readonly keyid: string } | { readonly kind: 'unknown' };

export function verifySignatures(envelope: DsseEnvelope, payload: Uint8Array, keys: readonly TrustedKey[]): readonly SignatureVerdict[] {
  const message = preAuthEncoding(envelope.payloadType, payload);
  return envelope.signatures.map(({ keyid, sig }): SignatureVerdict => {
    const signature = decodeBase64(sig) ?? new Uint8Array();
    const named = keys.filter(({ kid }) => kid === keyid);
    const key = (named.length > 0 ? named : keys).find(({ publicKey }) => verifyEd25519(publicKey, message, signature));
    if (key !== undefined) return { kind: 'holds', key };
    return keyid !== undefined && named.length > 0 ? { kind: 'forged', keyid } : { kind: 'unknown' };
  });
}
