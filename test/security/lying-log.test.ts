import { beforeAll, describe, expect, it } from 'vitest';
import { formatTreeHead, mapExtension } from '../../src/core/tlog/checkpoint.ts';
import type { Finding } from '../../src/core/tlog/export-findings.ts';
import { MAX_LINE } from '../../src/core/tlog/lines.ts';
import { formatNote } from '../../src/core/tlog/note.ts';
import { cosignText, noteVerifier } from '../../src/core/tlog/note-keys.ts';
import { createExportVerifier, type VerifyOptions } from '../../src/core/tlog/verify-export.ts';
import { verifySavedComplete, verifySavedInclusion } from '../../src/core/tlog/verify-proof.ts';
import { auditLines, logKey, makeLog, type MadeLog } from '../support/exported-log.ts';

const ORIGIN = 'audit.example/sluice/7f3a';
const TENANT = 'acme';
const SIZE = 40;
const AT = 20;
const key = logKey(ORIGIN);
const elsewhere = logKey('audit.example/sluice/0000');
const witness = logKey('witness.example/w');
const cosigner = noteVerifier('witness.example/w', witness.verifier.publicKey, 'cosignature');
const MAP = new Uint8Array(32);

let lines: readonly string[];

beforeAll(async () => {
  lines = await auditLines(TENANT, SIZE);
});

/** A log that its own operator made, with their own key: one line of it is not what the audit would write. */
async function findings(line: (good: string) => string, more: Partial<VerifyOptions> = {}): Promise<readonly Finding[]> {
  const made = makeLog(
    lines.map((good, index) => (index === AT ? line(good) : good)),
    { origin: ORIGIN, tenant: TENANT, key, signedAt: [SIZE] },
  );
  return verify(made, await made.export(0, SIZE), more);
}

function verify(made: MadeLog, text: string, more: Partial<VerifyOptions> = {}): readonly Finding[] {
  const verifier = createExportVerifier({ checkpoint: made.note(SIZE), keys: [key.verifier], ...more });
  verifier.push(Buffer.from(text));
  return verifier.end().findings;
}

/** Each is one event to whoever takes the first of two names, and another to whoever takes the last. */
const OUTSIDE_THE_BODY: Readonly<Record<string, (good: string) => string>> = {
  'two kinds': (good) => good.replace(',"kind":"', ',"kind":"intent","kind":"'),
  'a body behind the request': (good) => good.replace('","salt":"', '","body":{"user":"nobody"},"salt":"'),
  'two requests': (good) => good.replace('","salt":"', '","requestId":"r-1","salt":"'),
  'a carriage return at its end': (good) => `${good}\r`,
  'a space at its end': (good) => `${good} `,
  'an index that is no whole number': (good) => good.replace(`"index":${AT},`, `"index":${AT}.0,`),
  'another version': (good) => good.replace(/"v":2\}$/, '"v":3}'),
};
const INSIDE_THE_BODY: Readonly<Record<string, (good: string) => string>> = {
  'two bodies': (good) => good.replace('"body":{', '"body":{"user":"nobody"},"body":{'),
  'two members of one name in the body': (good) => good.replace('"body":{', '"body":{"client":"client:test|app-1",'),
  'two indexes': (good) => good.replace('"body":{', `"index":3,"body":{`),
  'a number in another spelling': (good) => good.replace(/"at":(\d+)/, '"at":$1.0'),
  'an escape that need not be': (good) => good.replace('"client"', '"\\u0063lient"'),
  'a space': (good) => good.replace('"body":{', '"body": {'),
};

describe('an event that its operator wrote to be read in two ways', () => {
  it('is one event where nothing of it was written so', async () => {
    expect(await findings((good) => good)).toEqual([]);
    expect(await findings((good) => good, { canonical: true, complete: true })).toEqual([]);
  });

  it.each(Object.entries(OUTSIDE_THE_BODY))('is found by %s', async (_, line) => {
    expect(await findings(line)).toMatchObject([{ kind: 'false-event', index: AT }]);
  });

  it.each(Object.entries(INSIDE_THE_BODY))('is found by %s where its form is checked, and where lists are made of it', async (_, line) => {
    const inexact = async (more: Partial<VerifyOptions>) =>
      (await findings(line, more)).map(({ kind, ...rest }) => [kind, 'index' in rest && rest.index]);
    expect(await inexact({ canonical: true })).toContainEqual(['not-canonical', AT]);
    expect(await inexact({ complete: true })).toContainEqual(['not-canonical', AT]);
  });

  it('is found by bytes that are no UTF-8, which readers replace in their own ways', () => {
    const event = Buffer.from(lines[AT] ?? '').toString('latin1');
    const line = Buffer.from(event.replace('"body":{', '"body":{"a":"\xff",'), 'latin1');
    const report = (bytes: Buffer, canonical: boolean): readonly Finding[] => {
      const header = `{"export":"sluice-log/v1","origin":"${ORIGIN}","tenant":"${TENANT}","from":${AT},"to":${AT + 1},"peaks":["${'00'.repeat(32)}","${'11'.repeat(32)}"]}\n`;
      const made = makeLog(lines, { origin: ORIGIN, tenant: TENANT, key, signedAt: [SIZE] });
      const verifier = createExportVerifier({ checkpoint: made.note(SIZE), keys: [key.verifier], canonical });
      for (const part of [Buffer.from(header), bytes, Buffer.from('\n')]) verifier.push(Buffer.from(part));
      return verifier.end().findings.filter(({ kind }) => kind === 'not-canonical');
    };
    expect(report(line, false)).toEqual([]);
    expect(report(line, true)).toEqual([{ kind: 'not-canonical', index: AT, line: 2 }]);
    expect(report(Buffer.from(lines[AT] ?? ''), true)).toEqual([]);
  });

  it('is found where a line is longer than any event, wherever the reading breaks it', async () => {
    const good = lines[AT] ?? '';
    const filler = MAX_LINE - Buffer.byteLength(good) - ',"x":""'.length;
    const long = good.replace('"body":{', `"body":{"x":"${'a'.repeat(filler)}",`);
    expect(Buffer.byteLength(long)).toBe(MAX_LINE);
    const made = makeLog(
      lines.map((line, index) => (index === AT ? long : line)),
      { origin: ORIGIN, tenant: TENANT, key, signedAt: [SIZE] },
    );
    const text = await made.export(0, SIZE);
    expect(inPieces(made, text)).toEqual([]);
    const more = text.replace(`${long}\n`, `${long},"and":"more"}\n`);
    expect(more.length).toBeGreaterThan(text.length);
    expect(inPieces(made, more)).not.toEqual([]);
    expect(verify(made, more)).not.toEqual([]);
  });

  function inPieces(made: MadeLog, text: string): readonly Finding[] {
    const verifier = createExportVerifier({ checkpoint: made.note(SIZE), keys: [key.verifier] });
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += 1_048_576) verifier.push(bytes.subarray(at, at + 1_048_576));
    return verifier.end().findings;
  }
});

describe('a checkpoint', () => {
  it('of one log is not vouched for by the key of another, nor by a witness alone', async () => {
    const text = formatTreeHead({ origin: ORIGIN, size: SIZE, root: new Uint8Array(32), extensions: [mapExtension(MAP)] });
    const notes = {
      'another log': elsewhere.sign(text),
      'a witness': formatNote({ text, signatures: [cosignText(text, 0, cosigner, witness.signBytes)] }),
      'a log of the witness’s name': witness.sign(text),
    };
    const keys = [elsewhere.verifier, cosigner, witness.verifier];
    const made = makeLog(lines, { origin: ORIGIN, tenant: TENANT, key, signedAt: [SIZE] });
    const exported = await made.export(0, SIZE);
    for (const [who, note] of Object.entries(notes)) {
      const found = verify(made, exported, { checkpoint: note, keys: [key.verifier, ...keys] });
      expect([who, found]).toEqual([who, [{ kind: 'checkpoint', line: 0, reason: 'unknown', size: SIZE }]]);
      const inclusion = { index: 0, leaf: '00'.repeat(32), path: [], checkpoint: { note } };
      expect(verifySavedInclusion(inclusion, () => keys)).toEqual({ kind: 'wrong', what: 'checkpoint' });
      const log = { about: 'kind', what: 'all', name: 'release' } as const;
      const proof = { checkpoint: { note }, positions: [], leaves: [], map: { bucket: [], path: [] } };
      expect(verifySavedComplete({ log, proof }, () => keys)).toEqual({ kind: 'wrong', what: 'checkpoint' });
    }
  });
});
