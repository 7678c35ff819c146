import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Level } from './label.ts';
import type { JsonObject } from './json.ts';
import type { Principal } from './principal.ts';
import type { Provenance } from './provenance.ts';
import { putTogether, takeApart, type AnswerBody, type ReplayText } from './replay.ts';

const MARK = '0123456789abcdef0123456789abcdef';

function tag(id: string, rendered: boolean): Provenance {
  return {
    v: 1,
    source: { id: 's', title: id, owner: 'user:idp|owner' as Principal },
    document: { id, version: 'sha256:v', title: 'T' },
    span: { start: 0, end: 1, unit: 'utf16', path: [id] },
    digest: 'sha256:d',
    normalised: { removed: { tag: 0, bidi: 0, zeroWidth: 0 } },
    lineage: { run: 'r', connector: 'c', parser: 'p', chunker: 'k', embedding: 'e', indexedAt: 'now' },
    label: { level: 'internal' as Level, compartments: [], trust: 'internal' },
    decision: { policyRevision: 'p1', rules: ['1'], aclVersion: 1, at: 'then' },
    ...(rendered ? { rendered: 'sha256:r' } : {}),
  };
}

/** Text that knows the syntax of references, of JSON and of renderings; long enough to be referred to, or not. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 60 }),
      fc.constantFrom(
        '"',
        '\\',
        '\n',
        '\r\n',
        '<',
        '&amp;',
        '}',
        '\u2028',
        MARK.slice(0, 31),
        't0,0,9;',
        `"x":0`,
        'a'.repeat(70),
        'Straße '.repeat(12),
      ),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join('').toWellFormed());

const renderings: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;'),
  (text) => Buffer.from(text, 'utf8').toString('base64'),
  (text) => text.replaceAll(' ', '^'),
  () => '',
];

const answers = fc
  .record({
    texts: fc.array(hostile, { maxLength: 6 }),
    rendering: fc.constantFrom(...renderings),
    asList: fc.boolean(),
    reverse: fc.boolean(),
  })
  .map(({ texts, rendering, asList, reverse }) => {
    const rendered = texts.map(rendering);
    const strings = rendered.map((text, index) => `<chunk-${index} rank="${index}">\n${text}\n</chunk>`);
    if (reverse) strings.reverse();
    const chunks = texts.map((text, index) => ({
      id: `c${index}`,
      rank: index + 1,
      score: 1 / (61 + index),
      text,
      provenance: tag(`d${index}`, rendered[index] !== text),
    }));
    const context = asList
      ? { format: 'messages', messages: strings.map((content) => ({ role: 'user', content })) }
      : { format: 'xml', text: strings.join('\n') };
    return { body: { requestId: 'r', chunks, label: undefined, context, limitedTo: undefined }, rendered };
  });

interface Stored {
  readonly answer: JsonObject;
  readonly texts: readonly ReplayText[];
}

function parts(body: AnswerBody, rendered: readonly string[]): Stored {
  const apart = takeApart(body, rendered, MARK);
  // As it is stored: nothing but JSON survives.
  return JSON.parse(JSON.stringify({ answer: apart.answer, texts: apart.texts.map((content) => content()) })) as Stored;
}

describe('an answer taken apart', () => {
  it('is put together byte for byte, whatever it holds and however it was rendered', () => {
    fc.assert(
      fc.property(answers, ({ body, rendered }) => {
        const { answer, texts } = parts(body, rendered);
        expect(putTogether(answer, texts, undefined)).toBe(JSON.stringify(body));
        const session = { id: 's', turns: 2 };
        expect(putTogether(answer, texts, session)).toBe(JSON.stringify({ ...body, session }));
      }),
      { numRuns: 500 },
    );
  });

  it('does not hold the text of a chunk that is long enough, neither in the answer nor in a context that left it as it was', () => {
    const text = 'Parental leave is twelve weeks for everybody who works here.\n'.repeat(20);
    const chunks = [{ id: 'c', rank: 1, score: 1, text, provenance: tag('d', false) }];
    const { answer, texts } = parts({ chunks, context: { format: 'xml', text: `<a>${text}</a>` } }, [text]);
    expect(JSON.stringify(answer)).not.toContain('Parental');
    expect(JSON.stringify(answer).length).toBeLessThan(600);
    expect(texts[0]?.text).toBe(text);
  });

  it('holds of a rendered text only the lines that rendering changed', () => {
    const line = 'a line of text that nothing in any rendering has to change at all\n';
    const text = `${line}${line}1 < 2 & so on\n${line}${line}`;
    const rendered = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
    const chunks = [{ id: 'c', rank: 1, score: 1, text, provenance: tag('d', true) }];
    const stored = JSON.stringify(parts({ chunks, context: { text: rendered } }, [rendered]).answer);
    expect(stored).toContain('1 &lt; 2 &amp; so on');
    expect(stored).not.toContain('a line of text');
  });

  it('is not put together from other texts, other pieces or another form', () => {
    const text = 'x'.repeat(80);
    const chunks = [{ id: 'c', rank: 1, score: 1, text, provenance: tag('d', false) }];
    const { answer, texts } = parts({ chunks }, []);
    expect(putTogether(answer, texts, undefined)).toBe(JSON.stringify({ chunks }));
    expect(putTogether(answer, [{ text: `y${text}`, tag: texts[0]?.tag ?? '' }], undefined)).toBeUndefined();
    expect(putTogether(answer, [], undefined)).toBeUndefined();
    expect(putTogether({ ...answer, v: 2 }, texts, undefined)).toBeUndefined();
    expect(putTogether({ ...answer, parts: [] }, texts, undefined)).toBeUndefined();
  });
});
