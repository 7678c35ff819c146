import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { manifestSigner } from '../../provenance/manifest.ts';
import { digestOf } from '../digest.ts';
import { keyId } from '../ed25519.ts';
import type { TrustedKey } from '../jwks.ts';
import type { Label, Level, Trust } from '../label.ts';
import type { Provenance } from '../provenance.ts';
import { preAuthEncoding } from './dsse.ts';
import { verifyManifest, type ManifestVerdict } from './verify-manifest.ts';

const AT = Date.UTC(2026, 3, 1);

function keyPair(): TrustedKey & { sign(message: Uint8Array): { kid: string; signature: Uint8Array } } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const bytes = new Uint8Array(Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url'));
  const kid = keyId(bytes);
  return { kid, publicKey: bytes, sign: (message) => ({ kid, signature: new Uint8Array(sign(null, message, privateKey)) }) };
}

const key = keyPair();
const canonical = (value: unknown): string | undefined => canonicalize(value);
const label = (level: string, trust: Trust, compartments: readonly string[] = []): Label => ({
  level: level as Level,
  compartments,
  trust,
});

function chunk(rank: number, text: string, own: Label): { id: string; rank: number; text: string; provenance: Provenance } {
  return { id: `5f0c0000-0000-8000-8000-00000000000${rank}`, rank, text, provenance: { digest: digestOf(text), label: own } as Provenance };
}

const CHUNKS = [
  chunk(1, 'Parental leave is 26 weeks.', label('internal', 'trusted', ['people'])),
  chunk(2, 'ü'.repeat(80), label('public', 'external')),
];
const TEXT = '<context-aa>…</context-aa>';
const JOINT = label('internal', 'external', ['people']);

interface Envelope {
  payloadType: string;
  payload: string;
  signatures: { keyid?: string; sig: string }[];
}

/** An answer as it arrives over HTTP, with its manifest. */
function answer(signer: Pick<typeof key, 'sign'> = key): {
  requestId: string;
  chunks: typeof CHUNKS;
  label: Label;
  context: object;
  manifest: Envelope;
} {
  const context = { format: 'xml' as const, text: TEXT, digest: digestOf(TEXT) };
  const made = manifestSigner(signer, (size) => new Uint8Array(size).fill(9))({
    request: 'r-1',
    tenant: 'acme',
    client: 'client:idp|assistant',
    policyRevision: 'rev-1',
    label: JOINT,
    at: AT,
    chunks: CHUNKS.map((one) => ({ ...one, score: 1 })),
    context,
  });
  return structuredClone({ requestId: 'r-1', chunks: CHUNKS, label: JOINT, context, manifest: made?.envelope as unknown as Envelope });
}

const check = (made: { manifest: unknown }, keys: readonly TrustedKey[] = [key], withAnswer = true): ManifestVerdict =>
  verifyManifest(made.manifest, { keys, canonical, ...(withAnswer ? { answer: made } : {}) });

const placesOf = (verdict: ManifestVerdict): readonly string[] =>
  verdict.kind === 'good' ? [] : verdict.findings.map(({ place }) => place);

describe('what is signed', () => {
  it('is the pre-authentication encoding that DSSE writes out', () => {
    expect(preAuthEncoding('http://example.com/HelloWorld', Buffer.from('hello world')).toString()).toBe(
      'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
    );
    expect(preAuthEncoding('', new Uint8Array()).toString('latin1')).toBe('DSSEv1 0  0 ');
    // Lengths are of bytes.
    expect(preAuthEncoding('ü', Buffer.from('…')).toString()).toBe('DSSEv1 2 ü 3 …');
    expect(preAuthEncoding('a', Uint8Array.of(0, 255)).toString('latin1')).toBe('DSSEv1 1 a 2 \u0000\u00ff');
  });

  it('verifies by the test keys of RFC 8032, signed apart from any code of ours', () => {
    // Section 7.1, test 1: a seed and its public key.
    const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex');
    const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
    const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
    const x = createPublicKey(privateKey).export({ format: 'jwk' }).x ?? '';
    expect(Buffer.from(x, 'base64url').toString('hex')).toBe('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a');
    const { manifest } = answer();
    const payload = Buffer.from(manifest.payload, 'base64');
    const message = Buffer.concat([Buffer.from(`DSSEv1 28 application/vnd.in-toto+json ${payload.length} `), payload]);
    manifest.signatures = [{ sig: sign(null, message, privateKey).toString('base64') }];
    const publicKey = new Uint8Array(Buffer.from(x, 'base64url'));
    expect(check({ manifest }, [{ kid: keyId(publicKey), publicKey }], false)).toMatchObject({
      kind: 'good',
      signedBy: [keyId(publicKey)],
    });
  });

  it('is canonical JSON of an in-toto statement, and names no person', () => {
    const payload = Buffer.from(answer().manifest.payload, 'base64').toString('utf8');
    expect(canonicalize(JSON.parse(payload))).toBe(payload);
    expect(JSON.parse(payload)).toEqual({
      _type: 'https://in-toto.io/Statement/v1',
      predicateType: 'urn:sluice:manifest:v1',
      subject: [
        ...CHUNKS.map(({ id, rank, provenance }) => ({
          name: id,
          digest: { sha256: provenance.digest.slice(7) },
          annotations: { rank, label: provenance.label },
        })),
        { name: 'context', digest: { sha256: digestOf(TEXT).slice(7) }, annotations: { format: 'xml' } },
      ],
      predicate: {
        request: 'r-1',
        tenant: 'acme',
        caller: '09'.repeat(16),
        client: 'client:idp|assistant',
        policyRevision: 'rev-1',
        label: JOINT,
        at: '2026-04-01T00:00:00.000Z',
        nonce: '09'.repeat(16),
      },
    });
  });
});

describe('verifyManifest', () => {
  it('accepts what was signed, alone and with the answer', () => {
    expect(check(answer())).toMatchObject({ kind: 'good', signedBy: [key.kid], statement: { predicate: { request: 'r-1' } } });
    expect(check(answer(), [key], false)).toMatchObject({ kind: 'good' });
    expect(check(answer(), [keyPair(), key])).toMatchObject({ kind: 'good' });
  });

  it('finds every byte of the payload, the type and the signature that is changed', () => {
    const { manifest } = answer();
    const payload = Buffer.from(manifest.payload, 'base64');
    fc.assert(
      fc.property(fc.nat(payload.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Buffer.from(payload);
        changed[at] = (changed[at] ?? 0) ^ flip;
        expect(check({ manifest: { ...manifest, payload: changed.toString('base64') } }, [key], false).kind).toBe('wrong');
      }),
    );
    const [signature] = manifest.signatures;
    const bytes = Buffer.from(signature?.sig ?? '', 'base64');
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const signatures = [{ keyid: key.kid, sig: changed.toString('base64') }];
      expect(placesOf(check({ manifest: { ...manifest, signatures } }, [key], false))).toEqual(['signature 1']);
    }
    expect(placesOf(check({ manifest: { ...manifest, payloadType: 'application/json' } }, [key], false))).toEqual(['payloadType']);
  });

  it('finds every field of the statement that says something else', () => {
    const { manifest } = answer();
    const statement: unknown = JSON.parse(Buffer.from(manifest.payload, 'base64').toString('utf8'));
    let fields = 0;
    const flip = (value: unknown, put: (changed: unknown) => unknown): void => {
      if (typeof value === 'object' && value !== null) {
        for (const [name, item] of Object.entries(value)) {
          const copy = (changed: unknown): unknown =>
            put(Array.isArray(value) ? value.with(Number(name), changed) : { ...value, [name]: changed });
          flip(item, copy);
        }
        return;
      }
      fields += 1;
      const changed = typeof value === 'number' ? value + 1 : `${String(value)}x`;
      const payload = Buffer.from(canonicalize(put(changed)) ?? '').toString('base64');
      expect(placesOf(check({ manifest: { ...manifest, payload } }, [key], false))).toEqual(['signature 1']);
    };
    flip(statement, (changed) => changed);
    expect(fields).toBeGreaterThan(20);
  });

  it('knows neither another key nor another key under this one’s name', () => {
    const other = keyPair();
    expect(placesOf(check(answer(), [other]))).toEqual(['signature']);
    expect(placesOf(check(answer(), []))).toEqual(['signature']);
    const forged = answer({ sign: (message) => ({ ...other.sign(message), kid: key.kid }) });
    expect(placesOf(check(forged))).toEqual(['signature 1']);
    // A key set that calls another key by this name.
    expect(placesOf(check(answer(), [{ ...other, kid: key.kid }]))).toEqual(['signature 1']);
  });

  it('takes one of several signatures, passes over unknown ones and refuses one that is forged beside a good one', () => {
    const other = keyPair();
    const { manifest } = answer();
    const message = preAuthEncoding(manifest.payloadType, Buffer.from(manifest.payload, 'base64'));
    const signed = (by: typeof key): { keyid: string; sig: string } => ({
      keyid: by.kid,
      sig: Buffer.from(by.sign(message).signature).toString('base64'),
    });
    const [own] = manifest.signatures;
    if (own === undefined) throw new Error('not signed');
    const withSignatures = (...signatures: Envelope['signatures']): { manifest: Envelope } => ({ manifest: { ...manifest, signatures } });
    expect(check(withSignatures(signed(other), own), [key], false)).toMatchObject({ kind: 'good', signedBy: [key.kid] });
    expect(check(withSignatures(signed(other), own), [key, other], false)).toMatchObject({ signedBy: [other.kid, key.kid] });
    expect(check(withSignatures({ sig: own.sig }), [other, key], false)).toMatchObject({ kind: 'good' });
    expect(placesOf(check(withSignatures(own, { keyid: other.kid, sig: own.sig }), [key, other], false))).toEqual(['signature 2']);
    expect(placesOf(check(withSignatures(), [key], false))).toEqual(['envelope']);
  });

  it('refuses a signed payload of another type, and a manifest of a time at which its key did not sign', () => {
    const of = (payload: string, payloadType = 'application/vnd.in-toto+json'): { manifest: unknown } => {
      const { signature, kid } = key.sign(preAuthEncoding(payloadType, Buffer.from(payload)));
      const signatures = [{ keyid: kid, sig: Buffer.from(signature).toString('base64') }];
      return { manifest: { payloadType, payload: Buffer.from(payload).toString('base64'), signatures } };
    };
    const whole = Buffer.from(answer().manifest.payload, 'base64').toString('utf8');
    expect(check(of(whole), [key], false).kind).toBe('good');
    expect(placesOf(check(of(whole, 'text/plain'), [key], false))).toEqual(['payloadType']);
    expect(placesOf(check(of(whole.replace('manifest:v1', 'manifest:v2')), [key], false))).toEqual(['predicateType']);
    expect(placesOf(check(of(whole.replace('Statement/v1', 'Statement/v0.1')), [key], false))).toEqual(['_type']);
    expect(placesOf(check(of('{}'), [key], false))).toEqual(['_type']);
    expect(placesOf(check(of('not json'), [key], false))).toEqual(['payload']);
    expect(placesOf(check(of(whole.replace('2026-04-01', '2026-99-01')), [key], false))).toEqual(['predicate.at']);
    const { kid, publicKey } = key;
    expect(check(answer(), [{ kid, publicKey, since: AT, retired: AT }]).kind).toBe('good');
    expect(placesOf(check(answer(), [{ kid, publicKey, since: AT + 600_000 }]))).toEqual(['predicate.at']);
    expect(placesOf(check(answer(), [{ kid, publicKey, since: 0, retired: AT - 600_000 }]))).toEqual(['predicate.at']);
  });

  it('is a verdict for any input, whatever its shape', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        expect(check({ manifest: one }).kind).toBe('wrong');
        const verdict = verifyManifest(answer().manifest, { keys: [key], canonical, answer: { ...(other as object), requestId: 1 } });
        expect(verdict.kind).toBe('wrong');
      }),
    );
  });
});

describe('an answer beside its manifest', () => {
  type Made = ReturnType<typeof answer>;
  const [first, second] = CHUNKS;
  if (first === undefined || second === undefined) throw new Error('two chunks');
  const changes: readonly (readonly [string, (made: Made) => object, readonly string[]])[] = [
    ['a changed text', (made) => ({ ...made, chunks: [{ ...first, text: `${first.text} ` }, second] }), [`chunk ${first.id}`]],
    [
      'a changed text with its digest',
      (made) => ({ ...made, chunks: [{ ...first, text: 'x', provenance: { ...first.provenance, digest: digestOf('x') } }, second] }),
      [`chunk ${first.id}`, `chunk ${first.id}`],
    ],
    ['half a character', (made) => ({ ...made, chunks: [first, { ...second, text: `${second.text}\ud800` }] }), [`chunk ${second.id}`]],
    ['a chunk too few', (made) => ({ ...made, chunks: [first] }), [`chunk ${second.id}`]],
    ['a chunk too many', (made) => ({ ...made, chunks: [...made.chunks, { ...second, id: 'new' }] }), ['chunk new']],
    ['a chunk twice', (made) => ({ ...made, chunks: [first, second, second] }), [`chunk ${second.id}`, 'chunks']],
    ['another order', (made) => ({ ...made, chunks: [second, first] }), [`chunk ${second.id}`, `chunk ${first.id}`]],
    [
      'a lower label of a chunk',
      (made) => ({ ...made, chunks: [{ ...first, provenance: { ...first.provenance, label: second.provenance.label } }, second] }),
      [`chunk ${first.id}`],
    ],
    ['another joint label', (made) => ({ ...made, label: label('public', 'trusted') }), ['label']],
    ['no joint label', ({ label: _, ...made }) => made, ['label']],
    ['a changed context', (made) => ({ ...made, context: { ...made.context, text: `${TEXT}!` } }), ['context']],
    ['a context of another format', (made) => ({ ...made, context: { ...made.context, format: 'base64' } }), ['context']],
    ['no context', ({ context: _, ...made }) => made, ['context']],
    ['another request', (made) => ({ ...made, requestId: 'r-2' }), ['requestId']],
    ['no chunks at all', ({ chunks: _, ...made }) => made, ['answer']],
    ['chunks that are none', (made) => ({ ...made, chunks: [1] }), ['chunk number 1', `chunk ${first.id}`, `chunk ${second.id}`]],
  ];

  it.each(changes)('with %s is found', (_, change, places) => {
    const made = answer();
    expect(check(made).kind).toBe('good');
    const verdict = verifyManifest(made.manifest, { keys: [key], canonical, answer: change(made) });
    expect(placesOf(verdict)).toEqual(places);
  });

  it('hashes contexts that are lists in their canonical form', () => {
    const messages = [{ role: 'user', content: 'ü <…>' }];
    const context = { format: 'messages' as const, messages, digest: digestOf(canonicalize(messages) ?? '') };
    const facts = { request: 'r', tenant: 't', client: 'c', policyRevision: 'p', label: undefined, at: AT, chunks: [] };
    const random = (size: number): Uint8Array => new Uint8Array(size);
    const manifest = manifestSigner(key, random)({ ...facts, context })?.envelope;
    const swapped = { ...context, messages: [{ content: 'ü <…>', role: 'user' }] };
    expect(verifyManifest(manifest, { keys: [key], canonical, answer: { requestId: 'r', chunks: [], context: swapped } }).kind).toBe(
      'good',
    );
    const other = { ...context, messages: [...messages, ...messages] };
    expect(placesOf(verifyManifest(manifest, { keys: [key], canonical, answer: { requestId: 'r', chunks: [], context: other } }))).toEqual([
      'context',
    ]);
    expect(manifestSigner(key, random)({ ...facts, context: undefined })).toBeUndefined();
    expect(() => manifestSigner(key, () => new Uint8Array(3))({ ...facts, context })).toThrow('too few bytes');
  });
});
