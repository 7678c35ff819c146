import { describe, expect, it } from 'vitest';
import { parseApart, PARSED_HERE_UP_TO } from './parse-apart.ts';
import { parseDocument } from './parse-document.ts';

const paragraph = 'Tide gauges are read every six minutes, and the harbour master reads them twice.\n\n';
const large = `# Gauges\n\n${paragraph.repeat(Math.ceil((2 * PARSED_HERE_UP_TO) / paragraph.length))}`;
const never = new AbortController().signal;

describe('parsing apart', () => {
  it.each([
    ['small, here', '# Gauges\n\nSmall.'],
    ['large, in a thread', large],
    ['large bytes, in a thread', Buffer.from(large)],
  ])('gives what parsing here gives: %s', async (_name, content) => {
    expect(await parseApart(content, 'text/markdown', never)).toEqual(parseDocument(content, 'text/markdown'));
  });

  it('refuses with the same codes', async () => {
    const broken = Buffer.concat([Buffer.from(large), Buffer.from([0xff, 0xfe])]);
    await expect(parseApart(broken, 'text/markdown', never)).rejects.toMatchObject({ code: 'unreadable_document' });
    await expect(parseApart(large, 'application/pdf', never)).rejects.toMatchObject({ code: 'unsupported_media_type' });
  });

  it('lets others run meanwhile, and more documents than threads', async () => {
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 1);
    const all = await Promise.all(Array.from({ length: 5 }, () => parseApart(large, 'text/markdown', never)));
    clearInterval(timer);
    expect(all.every(({ title }) => title === 'Gauges')).toBe(true);
    expect(ticks).toBeGreaterThan(1);
  });

  it('stops when it is told to, and goes on with the next', async () => {
    const stop = new AbortController();
    const parsing = parseApart(large.repeat(20), 'text/markdown', stop.signal);
    stop.abort(new Error('gone'));
    await expect(parsing).rejects.toThrow('gone');
    await expect(parseApart(large, 'text/markdown', never)).resolves.toMatchObject({ title: 'Gauges' });
  });
});
