import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { formatTreeHead, parseTreeHead } from '../../src/core/tlog/checkpoint.ts';
import type { Finding } from '../../src/core/tlog/export-findings.ts';
import { formatNote, parseNote, withSignature } from '../../src/core/tlog/note.ts';
import { cosignText, noteVerifier } from '../../src/core/tlog/note-keys.ts';
import { createExportVerifier, type ExportReport, type VerifyOptions } from '../../src/core/tlog/verify-export.ts';
import { auditLines, logKey, makeLog, type MadeLog } from '../support/exported-log.ts';
import { figure, trials } from '../support/scale.ts';

const ORIGIN = 'audit.example/sluice/7f3a';
const TENANT = 'acme';
const SIZE = 700;
const SIGNED = [0, 100, 256, 300, 511, 600, SIZE];

const key = logKey(ORIGIN);
const stranger = logKey(ORIGIN);
let lines: readonly string[];
let log: MadeLog;
let text: string;

beforeAll(async () => {
  lines = await auditLines(TENANT, SIZE);
  log = makeLog(lines, { origin: ORIGIN, tenant: TENANT, key, signedAt: SIGNED });
  text = await log.export(0, SIZE);
});

function verify(exported: string | Buffer, more: Partial<VerifyOptions> = {}, chunk = 65_536): ExportReport {
  const verifier = createExportVerifier({ checkpoint: log.note(SIZE), keys: [key.verifier], ...more });
  const bytes = Buffer.from(exported);
  for (let at = 0; at < bytes.length; at += chunk) verifier.push(bytes.subarray(at, at + chunk));
  return verifier.end();
}

const found = (exported: string, more: Partial<VerifyOptions> = {}): readonly Finding[] => verify(exported, more).findings;

/** The export as lines, and the place of an event's among them. */
function split(): { readonly all: string[]; readonly of: (index: number) => number } {
  const all = text.split('\n');
  return { all, of: (index) => all.findIndex((line) => line.startsWith('{"at":') && line.includes(`"index":${index},"kind":"`)) };
}

function edited(change: (all: string[], of: (index: number) => number) => void): string {
  const { all, of } = split();
  change(all, of);
  return all.join('\n');
}

describe('an export as it was made', () => {
  it('verifies: whole, from chunks of any size, with all checks', () => {
    for (const chunk of [1, 7, 1_000, 1_048_576]) expect(verify(text, {}, chunk)).toMatchObject({ ok: true, findings: [], events: SIZE });
    expect(verify(text, { canonical: true, complete: true })).toMatchObject({ ok: true, checkpoints: SIGNED.length, mapsUpTo: SIZE });
  });

  it('is left as it was by the reading', () => {
    const bytes = Buffer.from(text);
    const verifier = createExportVerifier({ checkpoint: log.note(SIZE), keys: [key.verifier] });
    verifier.push(bytes);
    verifier.end();
    expect(bytes.equals(Buffer.from(text))).toBe(true);
  });

  it('verifies against an older checkpoint, as long as a newer one covers the rest', async () => {
    for (const size of SIGNED) {
      expect(verify(text, { checkpoint: log.note(size), complete: true })).toMatchObject({ ok: true, size, mapsUpTo: SIZE });
    }
    const unsigned = makeLog(lines, { origin: ORIGIN, tenant: TENANT, key, signedAt: [300] });
    const tail = await unsigned.export(0, 400);
    expect(found(tail, { checkpoint: unsigned.note(300) })).toEqual([{ kind: 'uncovered', index: 300, to: 400 }]);
  });

  it('verifies as any range, proved to the checkpoint that is known', async () => {
    for (const [from, to] of [
      [0, 0],
      [0, 1],
      [1, 2],
      [255, 257],
      [256, 512],
      [300, 300],
      [130, 650],
      [699, 700],
      [511, 699],
      [700, 700],
    ] as const) {
      const range = await log.export(from, to, to === SIZE ? undefined : SIZE);
      expect([from, to, verify(range, { canonical: true })]).toMatchObject([from, to, { ok: true, from, to, events: to - from }]);
    }
  });

  it('verifies as a part against a checkpoint from before or after it, by a proof of its own', async () => {
    const part = await log.export(280, 520, 600);
    const later = { from: 520, to: SIZE, hashes: await log.consistency(520, SIZE) };
    expect(verify(part, { consistency: later })).toMatchObject({ ok: true, to: 520, size: SIZE });
    const earlier = { from: 100, to: 300, hashes: await log.consistency(100, 300) };
    expect(verify(part, { checkpoint: log.note(100), consistency: earlier })).toMatchObject({ ok: true, size: 100 });
    expect(found(part)).toEqual([{ kind: 'unreached', size: SIZE }]);
    expect(found(part, { checkpoint: log.note(100) })).toEqual([{ kind: 'unreached', size: 100 }]);
    expect(found(part, { consistency: earlier })).toEqual([{ kind: 'unreached', size: SIZE }]);
    const bent = later.hashes.map((hash, i) => (i === 0 ? hash.toReversed() : hash));
    expect(found(part, { consistency: { ...later, hashes: bent } })).toMatchObject([{ kind: 'forked', to: SIZE, line: 0 }]);
    expect(found(part, { consistency: { ...later, from: 519 } })).toMatchObject([{ kind: 'forked', to: SIZE, line: 0 }]);
  });

  it('may leave out checkpoints, the one given too', async () => {
    const bare = makeLog(lines, { origin: ORIGIN, tenant: TENANT, key, signedAt: [] });
    expect(verify(await bare.export(0, SIZE), { complete: true })).toMatchObject({ ok: true, checkpoints: 0, mapsUpTo: SIZE });
    const other = makeLog(lines, { origin: ORIGIN, tenant: TENANT, key, signedAt: [SIZE] });
    expect(verify(await other.export(0, SIZE), { checkpoint: log.note(300), complete: false })).toMatchObject({ ok: true });
  });

  it('verifies where an event of before was erased and a later one says so', async () => {
    const erasing =
      '{"at":1,"body":{"by":"client:a","emptied":[3,4],"through":"client:a"},"index":12,"kind":"content.erased",' +
      `"requestId":"r","salt":"${'0'.repeat(32)}","tenant":"acme","v":2}`;
    const mixed = [...lines.slice(0, 12), erasing];
    const options = { origin: ORIGIN, tenant: TENANT, key, signedAt: [13] };
    const made = makeLog(mixed, { ...options, erased: [3, 4] });
    expect(verify(await made.export(0, 13), { checkpoint: made.note(13) })).toMatchObject({ ok: true, events: 13 });
    expect(found(await made.export(0, 13), { checkpoint: made.note(13), complete: true })).toEqual([{ kind: 'map-unknown', size: 0 }]);
    const more = makeLog(mixed, { ...options, erased: [3, 5] });
    expect(found(await more.export(0, 13), { checkpoint: made.note(13) })).toMatchObject([{ kind: 'erasure', index: 5 }]);
  });
});

describe('an event', () => {
  it('that was changed is named, whichever of its fields it was', () => {
    for (const index of [0, 1, 99, 100, 255, 256, 311, 511, SIZE - 1]) {
      const { all, of } = split();
      const line = of(index);
      const original = all[line] ?? '';
      const changes = [
        original.replace(/"at":(\d)/, (_, digit) => `"at":${(Number(digit) % 9) + 1}`),
        original.replace('"body":{', '"body":{"x":1,'),
        original.replace('client:test', 'client:tost'),
        original.replace(/"index":\d+,"kind":"(?=[a-z.]+","requestId)/, '"index":9,"kind":"'),
        original.replace(/"kind":"[a-z.]+","requestId"/, '"kind":"error","requestId"'),
        original.replace('"requestId":"r', '"requestId":"q'),
        original.replace(/"salt":"./, (start) => `${start.slice(0, -1)}${start.endsWith('0') ? '1' : '0'}`),
        original.replace('"tenant":"acme"', '"tenant":"acmf"'),
        original.replace(/"v":2\}$/, '"v":1}'),
        '{}',
        '',
        `${original} `,
      ].filter((changed) => changed !== original);
      expect(changes.length).toBeGreaterThan(9);
      for (const changed of changes) {
        all[line] = changed;
        const kind = changed.includes('"index":9,"kind') && index !== 9 ? 'moved' : 'changed';
        expect([changed, found(all.join('\n'))]).toMatchObject([changed, [{ kind, index, line: line + 1 }]]);
      }
    }
  });

  it('that was dropped is named, and how many with it', () => {
    for (const [index, count] of [
      [0, 1],
      [99, 2],
      [255, 1],
      [400, 100],
      [SIZE - 1, 1],
    ] as const) {
      const without = edited((all, of) => {
        for (let i = 0; i < count; i += 1) all.splice(of(index + i), 1);
      });
      const findings = found(without);
      // A loss across a checkpoint is told in two parts.
      const missing = findings.flatMap((finding) =>
        finding.kind === 'dropped' ? Array.from({ length: finding.count }, (_, i) => finding.index + i) : [],
      );
      expect(missing).toEqual(Array.from({ length: count }, (_, i) => index + i));
      expect(findings.every(({ kind }) => kind === 'dropped')).toBe(true);
    }
  });

  it('that is swapped with another is named with it, in the same tile or in another', () => {
    for (const [a, b] of [
      [4, 5],
      [260, 290],
      [305, 510],
      [3, 650],
    ] as const) {
      const swapped = edited((all, of) => {
        const [one, other] = [of(a), of(b)];
        [all[one], all[other]] = [all[other] ?? '', all[one] ?? ''];
      });
      const findings = found(swapped);
      expect([a, b, findings]).toMatchObject([a, b, [{ kind: 'swapped', index: a, found: b }]]);
    }
  });

  it('that was inserted is named: a copy, an invented one, one of another tenant', () => {
    for (const at of [0, 5, 256, 450, SIZE - 1]) {
      for (const invented of [lines[7] ?? '', lines[at] ?? '', (lines[at] ?? '').replace('acme', 'evil'), '{"at":1}']) {
        const more = edited((all, of) => all.splice(of(at), 0, invented));
        expect([at, found(more)]).toMatchObject([at, [{ kind: 'inserted' }]]);
      }
    }
  });

  it('that was renumbered with all that follow is found where that begins', () => {
    const shifted = edited((all, of) => {
      all.splice(of(420), 1);
      for (let index = 421; index < SIZE; index += 1) {
        const line = of(index);
        all[line] = (all[line] ?? '').replace(`"index":${index},"kind"`, `"index":${index - 1},"kind"`);
      }
    });
    const [first] = found(shifted);
    expect(first).toMatchObject({ index: 420 });
  });
});

describe('an end that is missing', () => {
  it('is found wherever the file was cut', () => {
    const bytes = Buffer.from(text);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: bytes.length - 1 }), (length) => {
        const report = verify(bytes.subarray(0, length));
        expect(report.ok).toBe(false);
      }),
      { numRuns: trials(60, 1_000) },
    );
    expect(verify('').findings).toEqual([{ kind: 'not-an-export', line: 1 }]);
  });

  it('is found where the rest was made to look whole, as far as the outside checkpoint tells', async () => {
    expect(found(await log.export(0, 600))).toEqual([{ kind: 'unreached', size: SIZE }]);
    // Cut in good order and proved: it is a good part of the log, and says which.
    expect(verify(await log.export(0, 600, SIZE))).toMatchObject({ ok: true, to: 600, size: SIZE });
    expect(found(await log.export(0, 600, SIZE), { complete: true })).toEqual([{ kind: 'not-whole', from: 0, to: 600, size: SIZE }]);
  });
});

describe('another log', () => {
  it('is told apart at the first checkpoint after the fork, though its own tiles and checkpoints agree', async () => {
    const rewritten = lines.map((line, i) =>
      i === 350 ? line.replace('"salt":"', '"salt":"').replace('client:test', 'client:tost') : line,
    );
    const fork = makeLog(rewritten, { origin: ORIGIN, tenant: TENANT, key, signedAt: [600, SIZE] });
    const forked = await fork.export(0, SIZE);
    expect(found(forked)).toEqual([{ kind: 'forked', from: 600, to: SIZE, line: 0 }]);
    // With the honest checkpoints in it, the place is narrowed down.
    const mixed = makeLog(rewritten, { origin: ORIGIN, tenant: TENANT, key, signedAt: [] });
    const narrowed = (await mixed.export(0, SIZE)).split('\n');
    const at = (index: number): number => narrowed.findIndex((line) => line.includes(`"index":${index},"kind":"`));
    for (const size of [600, 300]) narrowed.splice(at(size - 1) + 1, 0, JSON.stringify({ checkpoint: log.note(size) }));
    expect(found(narrowed.join('\n'))).toMatchObject([{ kind: 'forked', from: 300, to: 600 }]);
  });

  it('is refused by its origin, its tenant and its key', async () => {
    const elsewhere = makeLog(lines, {
      origin: 'audit.example/sluice/other',
      tenant: TENANT,
      key: logKey('audit.example/sluice/other'),
      signedAt: [SIZE],
    });
    const kinds = found(await elsewhere.export(0, SIZE)).map(({ kind }) => kind);
    expect(kinds).toContain('other-log');
    expect(found(text, { keys: [stranger.verifier] })).toMatchObject([
      { kind: 'checkpoint', reason: 'unknown', line: 0 },
      ...SIGNED.map(() => ({ reason: 'unknown' })),
      { kind: 'uncovered' },
    ]);
    const forged = makeLog(lines, {
      origin: ORIGIN,
      tenant: TENANT,
      key: { ...key, sign: (head) => stranger.sign(head) },
      signedAt: [SIZE],
    });
    expect(found(text, { checkpoint: forged.note(SIZE) })).toMatchObject([{ kind: 'checkpoint', reason: 'unknown', line: 0 }]);
    const foreign = makeLog(lines, { origin: ORIGIN, tenant: 'evil', key, signedAt: [SIZE] });
    expect(found(await foreign.export(0, SIZE))).toMatchObject([{ kind: 'false-event', index: 0, count: SIZE }]);
  });

  it('is found in its own log: an event that says another position', async () => {
    const lying = lines.map((line, i) => (i === 20 ? line.replace('"index":20,"kind"', '"index":21,"kind"') : line));
    const made = makeLog(lying, { origin: ORIGIN, tenant: TENANT, key, signedAt: [SIZE] });
    expect(found(await made.export(0, SIZE), { checkpoint: made.note(SIZE) })).toMatchObject([{ kind: 'false-event', index: 20 }]);
    const loose = lines.map((line, i) => (i === 20 ? line.replace('{"at":', '{"at": ') : line));
    const spaced = makeLog(loose, { origin: ORIGIN, tenant: TENANT, key, signedAt: [SIZE] });
    expect(found(await spaced.export(0, SIZE), { checkpoint: spaced.note(SIZE), canonical: true })).toMatchObject([
      { kind: 'not-canonical', index: 20 },
    ]);
  });
});

describe('what stands between the events', () => {
  it('tiles that lie are found, and the events are believed', () => {
    for (const tile of [0, 1, 2]) {
      const lying = edited((all) => {
        const line = all.findIndex((candidate) => candidate.startsWith(`{"tile":${tile},`));
        const { hashes } = JSON.parse(all[line] ?? '') as { hashes: string };
        const bytes = Buffer.from(hashes, 'base64');
        bytes[32 * 20] = (bytes[32 * 20] ?? 0) ^ 1;
        all[line] = JSON.stringify({ tile, hashes: bytes.toString('base64') });
      });
      expect(found(lying)).toMatchObject([{ kind: 'tile', tile }]);
      const missing = edited((all) =>
        all.splice(
          all.findIndex((candidate) => candidate.startsWith(`{"tile":${tile},`)),
          1,
        ),
      );
      expect(found(missing).map(({ kind }) => kind)).toContain(tile === 2 ? 'digest' : 'tile');
    }
  });

  it('a map of sub-logs that lies is found where all of it is made anew, and not before', async () => {
    const lie = (size: number, real: Uint8Array): Uint8Array => (size === 511 ? real.toReversed() : real);
    const lying = makeLog(lines, { origin: ORIGIN, tenant: TENANT, key, signedAt: SIGNED, map: lie });
    const exported = await lying.export(0, SIZE);
    expect(verify(exported)).toMatchObject({ ok: true });
    expect(found(exported, { complete: true })).toMatchObject([{ kind: 'map', size: 511 }]);
  });

  it('checkpoints that are damaged, moved, from elsewhere or signed by nobody known are found', () => {
    const size = 300;
    const line = (all: readonly string[]): number =>
      all.findIndex((candidate) => candidate === JSON.stringify({ checkpoint: log.note(size) }));
    const head = parseTreeHead(parseNote(log.note(size))?.text ?? '');
    const renamed = key.sign(formatTreeHead({ origin: 'other.example/x', size, root: head?.root ?? Buffer.alloc(32), extensions: [] }));
    const forks = key.sign(formatTreeHead({ origin: ORIGIN, size, root: Buffer.alloc(32, 1), extensions: [] }));
    for (const [note, expected] of [
      [log.note(size).replace('\n300\n', '\n301\n'), { kind: 'checkpoint', reason: 'forged' }],
      [log.note(size).slice(0, -9), { kind: 'checkpoint', reason: 'malformed' }],
      [stranger.sign(parseNote(log.note(size))?.text ?? ''), { kind: 'checkpoint', reason: 'unknown' }],
      [renamed, { kind: 'checkpoint', reason: 'origin' }],
      [forks, { kind: 'forked', from: 256, to: 300 }],
    ] as const) {
      const changed = edited((all) => all.splice(line(all), 1, JSON.stringify({ checkpoint: note })));
      expect(found(changed)).toMatchObject([expected]);
    }
    const moved = edited((all, of) => all.splice(of(600), 0, ...all.splice(line(all), 1)));
    expect(found(moved)).toMatchObject([{ kind: 'checkpoint', reason: 'order', size }]);
  });

  it('a first line that lies is found', () => {
    for (const [from, to] of [
      ['"to":700', '"to":699'],
      ['"to":700', '"to":701'],
      ['"from":0', '"from":1'],
      ['"tenant":"acme"', '"tenant":"evil"'],
      [ORIGIN, `${ORIGIN}0`],
      ['sluice-log/v1', 'sluice-log/v2'],
      ['"peaks":[]', `"peaks":["${'0'.repeat(64)}"]`],
    ] as const) {
      expect([to, verify(text.replace(from, to)).ok]).toEqual([to, false]);
    }
  });

  it('hashes of before the range, and the proof behind it, are found to be wrong', async () => {
    const range = await log.export(300, 650, SIZE);
    expect(verify(range)).toMatchObject({ ok: true });
    const header = range.slice(0, range.indexOf('\n'));
    const { peaks } = JSON.parse(header) as { peaks: readonly string[] };
    for (const peak of peaks) {
      const bent = range.replace(peak, `${peak.startsWith('0') ? '1' : '0'}${peak.slice(1)}`);
      expect(verify(bent).findings.some(({ kind }) => kind === 'peaks' || kind === 'forked')).toBe(true);
    }
    const bent = range.replace(/(\{"proof":\[")(.)/, (_, start: string, digit: string) => `${start}${digit === '0' ? '1' : '0'}`);
    expect(found(bent)).toMatchObject([
      { kind: 'proof', size: SIZE },
      { kind: 'uncovered', index: 600, to: 650 },
    ]);
  });

  it('a last line that lies, and what stands behind it', () => {
    const digit = /\{"end":"(.)/;
    expect(found(text.replace(digit, (_, first: string) => `{"end":"${first === '0' ? '1' : '0'}`))).toMatchObject([{ kind: 'digest' }]);
    expect(found(`${text}x`)).toMatchObject([{ kind: 'surplus' }]);
    expect(found(`${text}${lines[0] ?? ''}\n`)).toMatchObject([{ kind: 'surplus' }]);
    expect(found(text.slice(0, -1))).toMatchObject([{ kind: 'truncated' }]);
  });
});

describe('a witness', () => {
  it('vouches beside the log and not in its place', () => {
    const witness = logKey('witness.example/w');
    const cosigner = noteVerifier(witness.verifier.name, witness.verifier.publicKey, 'cosignature');
    const note = parseNote(log.note(SIZE)) ?? { text: '', signatures: [] };
    const cosignature = cosignText(note.text, 1_700_000_000, cosigner, witness.signBytes);
    const both = formatNote(withSignature(note, cosignature));
    expect(verify(text, { checkpoint: both, keys: [key.verifier, cosigner] })).toMatchObject({ ok: true });
    expect(found(text, { checkpoint: formatNote({ text: note.text, signatures: [cosignature] }), keys: [cosigner] })[0]).toMatchObject({
      kind: 'checkpoint',
      reason: 'unknown',
      line: 0,
    });
    const bent = formatNote(withSignature(note, { ...cosignature, signature: cosignature.signature.toReversed() }));
    expect(found(text, { checkpoint: bent, keys: [key.verifier, cosigner] })).toMatchObject([{ kind: 'checkpoint', reason: 'forged' }]);
    expect(verify(text, { checkpoint: bent })).toMatchObject({ ok: true });
  });
});

describe('a long export', () => {
  const LONG_SIZE = 4_000;
  const eventLine = (index: number): string =>
    `{"at":${index},"body":{"n":${index}},"index":${index},"kind":"intent","requestId":"r","salt":"${String(index).padStart(32, '0')}","tenant":"acme","v":2}`;
  const many = makeLog(
    Array.from({ length: LONG_SIZE }, (_, index) => eventLine(index)),
    {
      origin: ORIGIN,
      tenant: TENANT,
      key,
      signedAt: [300, 1_500, LONG_SIZE],
    },
  );
  const check = (exported: string): readonly Finding[] => found(exported, { checkpoint: many.note(LONG_SIZE), complete: true });

  it('that lost more than is looked at together says from where to where', async () => {
    const whole = await many.export(0, LONG_SIZE);
    expect(check(whole)).toEqual([]);
    const all = whole.split('\n');
    const at = (index: number): number => all.indexOf(eventLine(index));
    const cut = [...all.slice(0, at(400)), ...all.slice(at(3_700))].join('\n');
    const findings = check(cut);
    // What stands directly behind the cut has lost its tile: it is named by what it says of itself.
    expect(findings.find(({ kind }) => kind === 'moved')).toMatchObject({ index: 400, found: 3_700 });
    expect(findings.filter(({ kind }) => kind === 'dropped')).toEqual([{ kind: 'dropped', index: 540, count: 3_300 }]);
  });

  it('without a single tile still verifies or not, and says which event is wrong', async () => {
    const bare = (await many.export(0, LONG_SIZE)).split('\n').filter((line) => !line.startsWith('{"tile"'));
    const others = bare.filter((line) => !line.startsWith('{"at"') && !line.startsWith('{"end"') && line !== '');
    const end = JSON.stringify({
      end: createHash('sha256')
        .update(others.map((line) => `${line}\n`).join(''))
        .digest('hex'),
    });
    const sealed = bare.map((line) => (line.startsWith('{"end"') ? end : line)).join('\n');
    expect(check(sealed)).toEqual([]);
    expect(check(sealed.replace('"n":2345', '"n":2346'))).toMatchObject([{ kind: 'forked', from: 1_500, to: LONG_SIZE }]);
    expect(check(sealed.replace('"index":2345,', '"index":2346,'))[0]).toMatchObject({ index: 2_345 });
  });
});

describe('at random', () => {
  it('no byte can be changed, taken away or added', () => {
    const bytes = Buffer.from(text);
    let tried = 0;
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), fc.constantFrom('flip', 'remove', 'add'), (at, by, how) => {
        const changed = how === 'flip' ? Buffer.from(bytes) : undefined;
        if (changed !== undefined) changed[at] = (changed[at] ?? 0) ^ by;
        const rest = bytes.subarray(how === 'remove' ? at + 1 : at);
        const other = changed ?? Buffer.concat([bytes.subarray(0, at), how === 'add' ? Uint8Array.of(by) : Buffer.alloc(0), rest]);
        tried += 1;
        expect(verify(other, {}, 1_048_576).ok).toBe(other.equals(bytes));
      }),
      { numRuns: trials(400, 20_000) },
    );
    figure('bytes of an export changed, removed or added at random', `${tried} of ${tried} found`);
  });

  it('no two lines can be exchanged, no line left out or doubled', () => {
    const all = text.split('\n').slice(0, -1);
    fc.assert(
      fc.property(fc.nat(all.length - 1), fc.nat(all.length - 1), fc.constantFrom('exchange', 'drop', 'double'), (a, b, how) => {
        const changed = [...all];
        if (how === 'exchange') [changed[a], changed[b]] = [changed[b] ?? '', changed[a] ?? ''];
        else if (how === 'drop') changed.splice(a, 1);
        else changed.splice(b, 0, changed[a] ?? '');
        const same = changed.join('\n') === all.join('\n');
        expect(verify(`${changed.join('\n')}\n`, {}, 1_048_576).ok).toBe(same);
      }),
      { numRuns: trials(200, 10_000) },
    );
  });
});
