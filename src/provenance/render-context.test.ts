import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readContext } from '../../test/property/segments-reader.ts';
import { chunkOf } from '../../test/property/segments-hostile.ts';
import { digestOf } from '../core/digest.ts';
import type { Trust } from '../core/label.ts';
import { CONTEXT_FORMATS } from '../core/provenance.ts';
import { renderContext } from './render-context.ts';

const FENCE = '00112233445566778899aabbccddeeff';
const fixed = { random: (): Uint8Array => Buffer.from(FENCE, 'hex') };
const one = (text: string) => [chunkOf({ text, trust: 'internal' }, 1)];

describe('renderContext', () => {
  it.each(CONTEXT_FORMATS)('%s: groups by trust, highest first, by rank within; nothing for no chunks', (format) => {
    const trusts: Trust[] = ['external', 'trusted', 'internal', 'external', 'trusted'];
    const chunks = trusts.map((trust, index) => chunkOf({ text: `t${index + 1}`, trust }, index + 1));
    const { context, rendered } = renderContext(format, chunks, fixed);
    const as = (text: string): string => (format === 'base64' ? Buffer.from(text).toString('base64') : text);
    expect(readContext(context).map(({ text }) => text)).toEqual(['t2', 't5', 't3', 't1', 't4']);
    expect(rendered).toEqual(['t1', 't2', 't3', 't4', 't5'].map(as));
    expect(readContext(renderContext(format, [], fixed).context)).toEqual([]);
  });

  it('puts one level of trust into one message', () => {
    const chunks = (['external', 'trusted', 'external'] as const).map((trust, index) => chunkOf({ text: 'x', trust }, index + 1));
    expect(renderContext('messages', chunks, fixed).context).toMatchObject({ messages: [{ role: 'user' }, { role: 'user' }] });
    expect(renderContext('messages', [], fixed).context).toMatchObject({ messages: [] });
  });

  it('makes search results, named by a text of ours', () => {
    const chunks = [chunkOf({ text: 'a < b', trust: 'external', id: 'c7', title: 'Sums', level: 'public' }, 1)];
    const { context } = renderContext('anthropic', chunks, fixed);
    expect(context).toMatchObject({
      content: [
        { type: 'text', text: expect.stringContaining(`<chunk-${FENCE} rank="1" id="c7"`) as string },
        { type: 'search_result', source: 'c7', title: 'Sums', content: [{ type: 'text', text: 'a < b' }], citations: { enabled: true } },
      ],
    });
    const [{ attributes } = { attributes: {} }] = readContext(context);
    expect(attributes).toMatchObject({ trust: 'external', level: 'public' });
  });

  it('marks every word, and what has no words', () => {
    const { context, rendered } = renderContext('datamark', one('Leave is  long\n日本語の文章'), fixed);
    const m = context.format === 'datamark' ? context.marker : '';
    expect(m).toMatch(/^[\ue000-\uf8ff]$/);
    expect(rendered).toEqual([`Leave${m}is${m}  long${m}\n日本語の${m}${m}文章`]);
  });

  it('draws a marker that no text holds, and takes out one that could not be avoided', () => {
    const draw = (bytes: string) => ({ random: (size: number): Uint8Array => Buffer.from(size === 16 ? FENCE : bytes, 'hex') });
    const avoided = renderContext('datamark', one('\ue000'), draw('00000001'));
    expect(avoided.context).toMatchObject({ marker: '\ue001' });
    expect(readContext(avoided.context)[0]?.text).toBe('\ue000');
    const forced = renderContext('datamark', one('a\ue000b'), draw('00000000'));
    expect(forced.rendered).toEqual(['a\ufffdb']);
  });

  it('breaks fences that overlap', () => {
    const random = { random: (): Uint8Array => Buffer.alloc(16, 0xaa) };
    const { context } = renderContext('xml', [chunkOf({ text: 'a'.repeat(100), trust: 'external' }, 1)], random);
    expect(readContext(context)[0]?.text).toBe('a'.repeat(100));
    expect(JSON.stringify(context).split('a'.repeat(32))).toHaveLength(2 * 4 + 1 + 1);
  });

  it('says both digests where rendering changed the text, and one where it did not', () => {
    const chunks = ['a < b', 'ü'].map((text, index) => chunkOf({ text, trust: 'internal' }, index + 1));
    const xml = renderContext('xml', chunks, fixed).chunks;
    expect(xml[0]?.provenance).toMatchObject({ digest: digestOf('a < b'), rendered: digestOf('a &lt; b') });
    expect(xml[0]?.text).toBe('a < b');
    expect(xml[1]?.provenance).not.toHaveProperty('rendered');
    const base64 = renderContext('base64', chunks, fixed).chunks;
    expect(base64[1]?.provenance.rendered).toBe(digestOf(Buffer.from('ü').toString('base64')));
  });

  it('hashes the rendered bytes', () => {
    const xml = renderContext('xml', one('ü'), fixed).context;
    expect(xml).toMatchObject({ digest: digestOf(xml.format === 'xml' ? xml.text : '') });
    const messages = renderContext('messages', one('ü'), fixed).context;
    const [first] = messages.format === 'messages' ? messages.messages : [];
    expect(messages).toMatchObject({ digest: digestOf(JSON.stringify([{ content: first?.content, role: 'user' }])) });
  });

  it.each(CONTEXT_FORMATS)('%s: takes a new fence for each request and refuses a short one', (format) => {
    const once = renderContext(format, one('x'), { random: randomBytes }).context;
    const again = renderContext(format, one('x'), { random: randomBytes }).context;
    expect(once.digest).not.toBe(again.digest);
    expect(() => renderContext(format, one('x'), { random: () => new Uint8Array(8) })).toThrow('too few bytes');
  });
});
