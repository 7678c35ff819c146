import { describe, expect, it } from 'vitest';
import { chunkDocument } from '../chunk/chunk-document.ts';
import { cutApart, type CutText } from './parse-apart.ts';
import { parseDocument } from './parse-document.ts';

const paragraph = 'Tide gauges are read every six minutes, and the harbour master reads them twice.\n\n';
const large = `# Gauges\n\n${paragraph.repeat(1_000)}`;
const never = new AbortController().signal;

function cutHere(content: string | Uint8Array, mediaType: string): CutText {
  const parsed = parseDocument(content, mediaType);
  return { parsed, chunks: chunkDocument(parsed) };
}

describe('cutting apart', () => {
  it.each([
    ['plain and small, here', 'Small.', 'text/plain'],
    ['small, in a thread', '# Gauges\n\nSmall.', 'text/markdown'],
    ['large, in a thread', large, 'text/markdown'],
    ['large bytes, in a thread', Buffer.from(large), 'text/plain'],
  ])('gives what cutting here gives: %s', async (_name, content, mediaType) => {
    expect(await cutApart(content, mediaType, never)).toEqual(cutHere(content, mediaType));
  });

  it('refuses with the same codes, and goes on with the same thread', async () => {
    const broken = Buffer.concat([Buffer.from(large), Buffer.from([0xff, 0xfe])]);
    await expect(cutApart(broken, 'text/markdown', never)).rejects.toMatchObject({ code: 'unreadable_document' });
    await expect(cutApart(large, 'application/pdf', never)).rejects.toMatchObject({ code: 'unsupported_media_type' });
    await expect(cutApart('', 'text/plain', never)).rejects.toMatchObject({ code: 'unreadable_document' });
    await expect(cutApart(large, 'text/markdown', never)).resolves.toMatchObject({ parsed: { title: 'Gauges' } });
  });

  // Long enough that a machine which stops this thread for some milliseconds gives it twenty turns all the same.
  it.each([
    ['Markdown that is built to be slow, however small', '*_'.repeat(4_000), 'text/markdown'],
    ['a large page', `<p>${large.repeat(20)}</p>`, 'text/html'],
    ['large plain text', large.repeat(60), 'text/plain'],
  ])('lets others run meanwhile: %s', async (_name, content, mediaType) => {
    await cutApart('warm', 'text/markdown', never);
    let turns = 0;
    let done = false;
    const cutting = cutApart(content, mediaType, never).finally(() => (done = true));
    // Cut here, it would be done before the first of these.
    while (!done && turns < 20) {
      await new Promise(setImmediate);
      turns += 1;
    }
    await cutting;
    expect(turns).toBe(20);
  });

  it('takes more documents than threads', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, () => cutApart(large, 'text/markdown', never)));
    expect(all.every(({ parsed }) => parsed.title === 'Gauges')).toBe(true);
  });

  it('stops when it is told to, and goes on with the next', async () => {
    const stop = new AbortController();
    const cutting = cutApart(large.repeat(20), 'text/markdown', stop.signal);
    stop.abort(new Error('gone'));
    await expect(cutting).rejects.toThrow('gone');
    await expect(cutApart(large, 'text/markdown', never)).resolves.toMatchObject({ parsed: { title: 'Gauges' } });
  });
});
