import canonicalize from 'canonicalize';
import { digestOf } from '../core/digest.ts';
import { preAuthEncoding } from '../core/manifest/dsse.ts';
import { manifestStatement, PAYLOAD_TYPE } from '../core/manifest/statement.ts';
import type { SignManifest } from '../core/ports/provenance.ts';
import type { SigningPort } from '../core/ports/signing.ts';
import type { RandomBytes } from './segments.ts';

const PSEUDONYM_BYTES = 16;

/**
 * Signs what an answer holds: DSSE over canonical JSON. The caller goes under a pseudonym made for this answer alone: two manifests of
 * one person show nothing in common, and only the log says who it was.
 */
export function manifestSigner(signing: Pick<SigningPort, 'sign'>, random: RandomBytes): SignManifest {
  return (about) => {
    if (about.chunks.length === 0 && about.context === undefined) return undefined;
    const bytes = Buffer.from(random(2 * PSEUDONYM_BYTES));
    if (bytes.length !== 2 * PSEUDONYM_BYTES) throw new Error('the source of randomness gave too few bytes for a manifest');
    const caller = bytes.toString('hex', 0, PSEUDONYM_BYTES);
    const nonce = bytes.toString('hex', PSEUDONYM_BYTES);
    const text = canonicalize(manifestStatement({ ...about, caller, nonce }));
    if (text === undefined) throw new Error('a manifest without a canonical form');
    const payload = Buffer.from(text, 'utf8');
    const { kid, signature } = signing.sign(preAuthEncoding(PAYLOAD_TYPE, payload));
    const sig = Buffer.from(signature).toString('base64');
    const envelope = { payloadType: PAYLOAD_TYPE, payload: payload.toString('base64'), signatures: [{ keyid: kid, sig }] } as const;
    return { envelope, digest: digestOf(payload), caller };
  };
}
