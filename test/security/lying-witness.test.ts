import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makeNote } from '../../src/audit/checkpoints/make-note.ts';
import { HoldsLarger, NotTheSameTree } from '../../src/audit/checkpoints/outside/place.ts';
import { witnessPlace } from '../../src/audit/checkpoints/outside/witness.ts';
import { cosignText, formatVerifierKey, noteVerifier } from '../../src/core/tlog/note-keys.ts';
import { formatNote, parseNote } from '../../src/core/tlog/note.ts';
import { testDeeds, testKey } from '../support/evidence-parts.ts';

const ORIGIN = 'sluice.test/sluice/00';
const SECRET = testKey(9);
const KEY = noteVerifier('witness.test/w', SECRET.publicKey, 'cosignature');
const MAP = '00'.repeat(32);

interface Said {
  readonly status: number;
  readonly body: string;
  readonly headers?: Record<string, string>;
}

/** What the sequencer makes of a witness that answers so, and how often it asked; `ms`: how long it waits. */
async function given(answer: (note: string, asked: number) => Said | Promise<Said>, ms = 30_000) {
  let asked = 0;
  async function reply(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    asked += 1;
    const { status, body: said, headers = {} } = await answer(body.slice(body.indexOf('\n\n') + 2), asked);
    response.writeHead(status, headers).end(said);
  }
  const server = createServer((request, response) => {
    void reply(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const place = witnessPlace(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, formatVerifierKey(KEY), 'w');
  const content = { origin: ORIGIN, size: 10, root: 'ab'.repeat(32), map: MAP };
  const note = await makeNote(content, testDeeds([testKey(1)]).sign);
  const checkpoint = { ...content, note, at: new Date(0).toISOString() };
  const consistency = () => Promise.resolve([]);
  const result = await place
    .give({ checkpoint, known: 5, consistency, signal: AbortSignal.timeout(ms) })
    .catch((error: unknown) => error as Error);
  return { result, asked, note };
}

function cosignature(note: string, by = SECRET): string {
  const signed = parseNote(note);
  if (signed === undefined) throw new Error('no note');
  const whole = formatNote({ text: signed.text, signatures: [cosignText(signed.text, 1_800_000_000, KEY, by.sign)] });
  return whole.slice(signed.text.length + 1);
}

/** Neither heard nor believed: a failure like any other. */
const isNothing = (result: unknown): boolean =>
  result instanceof Error && !(result instanceof HoldsLarger) && !(result instanceof NotTheSameTree);

describe('a witness', () => {
  it('that cosigns what it was given is heard', async () => {
    const { result, note } = await given((shown) => ({ status: 200, body: cosignature(shown) }));
    expect(result).toEqual({ note: note + cosignature(note) });
  });

  it.each<readonly [string, (note: string) => Said | Promise<Said>]>([
    ['has not signed', () => ({ status: 200, body: '' })],
    ['signs in the name of its key with another', (note) => ({ status: 200, body: cosignature(note, testKey(8)) })],
    ['repeats what it signed of another tree', async () => ({ status: 200, body: cosignature(await older()) })],
    ['sends without end', () => ({ status: 200, body: 'x'.repeat(300_000) })],
    ['sends us elsewhere', () => ({ status: 307, body: '', headers: { location: 'http://127.0.0.1:1/' } })],
    ['names no size', () => ({ status: 409, body: 'many\n' })],
    ['names a size that is none', () => ({ status: 409, body: '99999999999999999999\n' })],
  ])('that %s has cosigned nothing, and stops nothing', async (_, answer) => {
    const { result } = await given(answer);
    expect([isNothing(result), result]).toEqual([true, result]);
  });

  it('that answers never has cosigned nothing, and stops nothing', async () => {
    const { result } = await given(() => new Promise<Said>(() => undefined), 300);
    expect([isNothing(result), result]).toEqual([true, result]);
  });

  it('that names another size each time is let be after a few', async () => {
    const { result, asked } = await given((_, times) => ({ status: 409, body: `${times}\n` }));
    expect(result).toEqual(new Error('w names another size each time'));
    expect(asked).toBe(3);
  });

  it('that has seen a larger tree, or another one, is believed', async () => {
    expect((await given(() => ({ status: 409, body: '11\n' }))).result).toBeInstanceOf(HoldsLarger);
    expect((await given(() => ({ status: 422, body: '' }))).result).toBeInstanceOf(NotTheSameTree);
  });

  const older = () => makeNote({ origin: ORIGIN, size: 9, root: 'cd'.repeat(32), map: MAP }, testDeeds([testKey(1)]).sign);
});
