import { createPrivateKey, createPublicKey, generateKeyPairSync, sign as edSign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { formatTreeHead, mapExtension, mapRootOf, parseTreeHead } from './checkpoint.ts';
import { EMPTY_ROOT } from './merkle.ts';
import { formatNote, parseNote, withSignature } from './note.ts';
import { cosignText, formatVerifierKey, noteVerifier, openNote, parseVerifierKey, signText, type NoteVerifier } from './note-keys.ts';

const TEXT = 'example.com/log\n7\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';

function key(name: string, type: NoteVerifier['type'] = 'ed25519'): { by: NoteVerifier; sign: (message: Uint8Array) => Uint8Array } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  return { by: noteVerifier(name, raw, type), sign: (message) => edSign(null, message, privateKey) };
}

describe('signed notes', () => {
  const log = key('example.com/log');
  const witness = key('witness.example.com/w1', 'cosignature');
  const stranger = key('example.com/log');
  const signature = signText(TEXT, log.by, log.sign);
  const note = formatNote({ text: TEXT, signatures: [signature] });

  it('verifies the published note of the Go checksum database, and makes the same bytes', () => {
    // The example of golang.org/x/mod/sumdb/note.
    const vkey = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
    const text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const line = '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';
    const by = parseVerifierKey(vkey);
    expect(by).toBeDefined();
    expect(formatVerifierKey(by as NoteVerifier)).toBe(vkey);
    expect(openNote(`${text}\n${line}`, [by as NoteVerifier])).toMatchObject({ kind: 'signed', note: { text } });
    const seed = Buffer.from('AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz', 'base64').subarray(1);
    const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
    const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    expect(Buffer.from(createPublicKey(privateKey).export({ format: 'jwk' }).x ?? '', 'base64url')).toEqual(
      Buffer.from(by?.publicKey ?? []),
    );
    const made = signText(text, by as NoteVerifier, (message) => edSign(null, message, privateKey));
    expect(formatNote({ text, signatures: [made] })).toBe(`${text}\n${line}`);
  });

  it('verifies what a known key signed', () => {
    expect(openNote(note, [log.by])).toMatchObject({
      kind: 'signed',
      note: { text: TEXT },
      signatures: [{ by: { name: 'example.com/log' } }],
    });
  });

  it('ignores unknown keys, also one that has the name of a known one', () => {
    const both = formatNote({ text: TEXT, signatures: [signText(TEXT, stranger.by, stranger.sign), signature] });
    expect(openNote(both, [log.by])).toMatchObject({ kind: 'signed', signatures: [{ by: log.by }] });
    expect(openNote(both, [witness.by])).toEqual({ kind: 'unknown' });
    const colliding = { ...signText(TEXT, stranger.by, stranger.sign), keyId: log.by.keyId, name: 'another' };
    expect(openNote(formatNote({ text: TEXT, signatures: [colliding, signature] }), [log.by]).kind).toBe('signed');
  });

  it('refuses a note with a signature that is not the known key’s, next to a good one too', () => {
    const forged = { ...signText(TEXT, stranger.by, stranger.sign), keyId: log.by.keyId };
    expect(openNote(formatNote({ text: TEXT, signatures: [forged] }), [log.by])).toEqual({ kind: 'forged', name: 'example.com/log' });
    expect(openNote(formatNote({ text: TEXT, signatures: [signature, forged] }), [log.by]).kind).toBe('forged');
    expect(openNote(note.replace('\n7\n', '\n8\n'), [log.by]).kind).toBe('forged');
  });

  it('counts a key that signed twice once', () => {
    const twice = formatNote({ text: TEXT, signatures: [signature, signature] });
    const opened = openNote(twice, [log.by]);
    expect(opened).toMatchObject({ kind: 'signed' });
    expect(opened.kind === 'signed' ? opened.signatures.length : 0).toBe(1);
    const parsed = parseNote(note) ?? { text: '', signatures: [] };
    expect(withSignature(parsed, signature)).toBe(parsed);
  });

  it('makes and verifies cosignatures with their time, which a plain key does not pass for', () => {
    const cosigned = cosignText(TEXT, 1_679_315_147, witness.by, witness.sign);
    const whole = formatNote(withSignature(parseNote(note) ?? { text: '', signatures: [] }, cosigned));
    expect(openNote(whole, [log.by, witness.by])).toMatchObject({ kind: 'signed', signatures: [{}, { time: 1_679_315_147 }] });
    const later = Buffer.from(cosigned.signature);
    later.writeBigUInt64BE(1_679_315_148n);
    expect(openNote(formatNote({ text: TEXT, signatures: [{ ...cosigned, signature: later }] }), [witness.by]).kind).toBe('forged');
    const plain = noteVerifier(witness.by.name, witness.by.publicKey);
    expect(plain.keyId).not.toBe(witness.by.keyId);
    expect(openNote(formatNote({ text: TEXT, signatures: [cosigned] }), [plain]).kind).toBe('unknown');
    expect(parseVerifierKey(formatVerifierKey(witness.by))).toEqual(witness.by);
  });

  it('keeps to the form', () => {
    const line = note.slice(note.lastIndexOf('\n\n') + 2);
    const malformed = [
      TEXT,
      `${TEXT}${line}`,
      note.slice(0, -1),
      `${TEXT}\n`,
      `${TEXT}\n${line}\n`,
      `${TEXT}\n${line}junk\n`,
      note.replace('\u2014', '-'),
      note.replace('\n7\n', '\n7\r\n'),
      note.replace('\n7\n', '\n7\t\n'),
      note.replace('example.com/log\n7', 'example.com/log\0\n7'),
      `${TEXT}\n${line.replace('example.com/log', 'example.com+log')}`,
      `${TEXT}\n${line.replace('example.com/log', 'example com/log')}`,
      `${TEXT}\n${line.replace('example.com/log', 'example\u2003com/log')}`,
      `${TEXT}\n${line.trimEnd().replace(/=+$/, '')}\n`,
      `${TEXT}\n\u2014 example.com/log AAAA\n`,
      `${TEXT}\n${line.repeat(101)}`,
      note.replace('\n7\n', '\n\ud800\n'),
    ];
    for (const bad of malformed) expect([bad, openNote(bad, [log.by]).kind]).toEqual([bad, 'malformed']);
    // The text itself may hold empty lines.
    const text = 'one\n\ntwo\n';
    expect(openNote(formatNote({ text, signatures: [signText(text, log.by, log.sign)] }), [log.by])).toMatchObject({ note: { text } });
    expect(openNote(`${TEXT}\n${line.repeat(100)}`, [log.by]).kind).toBe('signed');
  });

  it('refuses verifier keys that are not what they say', () => {
    const vkey = formatVerifierKey(log.by);
    const other = vkey.replace(/\+[0-9a-f]{8}\+/, '+00000000+');
    const ecdsa = `x+00000000+${Buffer.concat([Uint8Array.of(2), log.by.publicKey]).toString('base64')}`;
    for (const bad of ['', 'x', other, ecdsa, vkey.replace('example', 'elpmaxe'), `${vkey}=`, vkey.slice(0, -4)]) {
      expect([bad, parseVerifierKey(bad)]).toEqual([bad, undefined]);
    }
  });
});

describe('checkpoints', () => {
  const root = EMPTY_ROOT;

  it('have three lines, then extensions', () => {
    const head = { origin: 'example.com/log', size: 7, root: Buffer.from(root), extensions: [mapExtension(root)] };
    const text = formatTreeHead(head);
    expect(text).toBe(
      'example.com/log\n7\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\nsluice-map/v1 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n',
    );
    expect(parseTreeHead(text)).toEqual(head);
    expect(mapRootOf(head)).toEqual(Buffer.from(root));
    expect(mapRootOf({ extensions: [] })).toBeUndefined();
    expect(mapRootOf({ extensions: [mapExtension(root), mapExtension(root)] })).toBeUndefined();
    expect(parseTreeHead('l\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n')?.size).toBe(0);
  });

  it('refuses every other form', () => {
    const hash = Buffer.from(root).toString('base64');
    for (const bad of [
      `\n7\n${hash}\n`,
      `l\n07\n${hash}\n`,
      `l\n-7\n${hash}\n`,
      `l\n+7\n${hash}\n`,
      `l\n7.0\n${hash}\n`,
      `l\n9007199254740993\n${hash}\n`,
      `l\n7\n${hash}`,
      `l\n7\n${hash.slice(0, -1)}\n`,
      `l\n7\nAAAA\n`,
      `l\n7\n${hash}\n\n`,
      `l\n7\n${hash}\n\nx\n`,
      `l\n7\n`,
    ])
      expect([bad, parseTreeHead(bad)]).toEqual([bad, undefined]);
    expect(() => formatTreeHead({ origin: 'a\nb', size: 7, root, extensions: [] })).toThrow(RangeError);
    expect(() => formatTreeHead({ origin: 'a', size: 7, root, extensions: ['x\ny'] })).toThrow(RangeError);
    expect(() => formatTreeHead({ origin: 'a', size: 7, root, extensions: [''] })).toThrow(RangeError);
  });
});
