import { randomBytes } from 'node:crypto';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/core/digest.ts';
import { TRUSTS } from '../../src/core/label.ts';
import { CONTEXT_FORMATS, type ContextFormat, type ReleasedChunk, type RenderedContext } from '../../src/core/provenance.ts';
import { renderContext } from '../../src/provenance/render-context.ts';
import { figure, trials } from '../support/scale.ts';
import { benignStrings, chunkOf, hostileChunks, type GivenChunk } from './segments-hostile.ts';
import { readContext, type SeenChunk } from './segments-reader.ts';

const FENCE = '00112233445566778899aabbccddeeff';
const AGAIN = 'abab'.repeat(8);
/** What the bytes of the fence draw, once all they draw is in the texts. */
const markerOf = (fence: string): string => String.fromCharCode(0xe000 + (Number.parseInt(fence.slice(0, 4), 16) % 6400));
const fixed = (fence: string) => ({ random: (): Uint8Array => Buffer.from(fence, 'hex') });

const RUNS = trials(500, 15_000);

// Said again, by code point, apart from the writer's expression: what a text may not hold comes back as U+FFFD.
function faithful(text: string): string {
  return Array.from(text)
    .map((character) => {
      const point = character.codePointAt(0) ?? 0;
      const control = (point < 0x20 && ![9, 10, 13].includes(point)) || (point >= 0x7f && point <= 0x9f);
      const surrogate = point >= 0xd800 && point <= 0xdfff;
      return control || surrogate || point === 0xfffe || point === 0xffff ? '\ufffd' : character;
    })
    .join('');
}

/** Where a format has no escape of its own, the one of the fence stays visible: each place where the fence began. */
function fenceBroken(text: string, fence: string): string {
  const lower = Array.from(text, (unit) => (unit.length === 1 && unit.charCodeAt(0) < 128 ? unit.toLowerCase() : unit)).join('');
  let result = '';
  for (let at = 0; at < text.length; at += 1) {
    result += lower.startsWith(fence, at) ? `&#${text.charCodeAt(at)};` : text.charAt(at);
  }
  return result;
}

function expectedText(format: ContextFormat, text: string, { fence, marker }: { fence: string; marker: string | undefined }): string {
  if (format === 'base64') return text.toWellFormed();
  if (format === 'anthropic') return fenceBroken(faithful(text), fence);
  return marker === undefined ? faithful(text) : faithful(text).replaceAll(marker, '\ufffd');
}

function expected(context: RenderedContext, chunks: readonly ReleasedChunk[], fence: string): SeenChunk[] {
  const marker = context.format === 'datamark' ? context.marker : undefined;
  return TRUSTS.toReversed()
    .flatMap((trust) => chunks.filter((chunk) => chunk.provenance.label.trust === trust))
    .map(({ id, rank, text, provenance: { source, document, span, label } }) => ({
      segment: label.trust,
      attributes: {
        rank: String(rank),
        id: faithful(id),
        source: faithful(source.id),
        document: faithful(document.id),
        title: faithful(document.title),
        ...(document.uri === undefined ? {} : { uri: faithful(document.uri) }),
        ...(span.path.length === 0 ? {} : { path: faithful(span.path.join(' / ')) }),
        trust: label.trust,
        level: faithful(label.level),
        compartments: faithful(label.compartments.join(' ')),
      },
      text: expectedText(context.format, text, { fence, marker }),
    }));
}

/** All strings of the context, as an application sees them. */
function stringsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsOf) : [];
}

const built = (given: readonly GivenChunk[]): ReleasedChunk[] => given.map((one, index) => chunkOf(one, index + 1));
const count = (context: RenderedContext, what: string): number => JSON.stringify(context).toLowerCase().split(what).length - 1;
const digested = (context: RenderedContext): string => {
  if ('text' in context) return digestOf(context.text);
  return digestOf(canonicalize(context.format === 'messages' ? context.messages : context.content) ?? '');
};

describe.each(CONTEXT_FORMATS)('%s', (format) => {
  it.each([
    ['unknown', 'as it is', undefined],
    ['given away', 'as it is', FENCE],
    ['given away', 'of one period', AGAIN],
  ])('with the fence %s, %s, no chunk changes what a parser sees', (how, what, known) => {
    const fence = known ?? FENCE;
    fc.assert(
      fc.property(hostileChunks(fence, markerOf(fence)), (given) => {
        // Ids and titles of search results show a broken fence as such, where the reader expects names. Texts keep theirs.
        const chunks = built(format === 'anthropic' && known !== undefined ? given.map((one) => withoutFence(one, fence)) : given);
        const {
          context,
          rendered,
          chunks: tagged,
        } = renderContext(format, chunks, known === undefined ? { random: randomBytes } : fixed(fence));
        expect(readContext(context)).toEqual(expected(context, chunks, known ?? 'no text holds it'));
        expect(context.digest).toBe(digested(context));
        const strings = stringsOf(context);
        for (const [index, text] of rendered.entries()) {
          expect(strings.some((string) => string.includes(text))).toBe(true);
          const { provenance, text: original } = tagged[index] ?? chunkOf({ text: '', trust: 'external' }, 0);
          expect(original).toBe(chunks[index]?.text);
          expect(provenance.digest).toBe(digestOf(original));
          expect(provenance.rendered).toBe(text === original ? undefined : digestOf(text));
        }
      }),
      { numRuns: RUNS },
    );
    figure(`Segments: hostile chunks, ${format}, fence ${how}, ${what}`, `${RUNS} contexts, each seen by a strict parser as it was meant`);
  });

  it('shows the fence and the marker only where they were written, even if a chunk knows them', () => {
    fc.assert(
      fc.property(hostileChunks(FENCE, markerOf(FENCE)), (given) => {
        const shape = built(given.map(({ trust, uri, path }) => ({ text: '', trust, uri: uri && 'u', path: path?.map(() => 'p') ?? [] })));
        const spiked = built(given.map((one) => ({ ...one, text: one.text + FENCE, id: FENCE, title: `${FENCE}${FENCE}` })));
        const { context } = renderContext(format, spiked, fixed(FENCE));
        expect(count(context, FENCE)).toBe(count(renderContext(format, shape, fixed(FENCE)).context, FENCE));
      }),
      { numRuns: RUNS },
    );
  });

  it('gives benign text back unchanged', () => {
    fc.assert(
      fc.property(fc.array(benignStrings(FENCE), { minLength: 1, maxLength: 5 }), (texts) => {
        const chunks = built(texts.map((text) => ({ text, trust: 'internal', title: `${text}.`, document: `${text}-` })));
        const seen = readContext(renderContext(format, chunks, fixed(FENCE)).context);
        expect(seen.map(({ text }) => text)).toEqual(texts);
        expect(seen.map(({ attributes }) => attributes['title'])).toEqual(texts.map((text) => `${text}.`));
      }),
      { numRuns: RUNS },
    );
  });

  it('reads texts of a megabyte that are made to be slow', () => {
    const repeated = [FENCE.slice(0, 31), FENCE, AGAIN, '&', '<', ' ', '\n', 'x', '漢', markerOf(FENCE), '\ud800', ']]>', '=', '\u202e'];
    for (const brick of repeated) {
      const fences = [FENCE, AGAIN].filter((fence) => fence.startsWith(brick));
      // A fence and its prefixes are what the search for it could go back over; the rest gets its megabyte in the long run.
      const size = fences.length > 0 ? 1 << 20 : trials(1 << 16, 1 << 20);
      const text = brick.repeat(Math.ceil(size / brick.length));
      for (const fence of fences.length > 0 ? fences : [FENCE]) {
        const chunks = built([{ text, trust: 'external' }]);
        const { context } = renderContext(format, chunks, fixed(fence));
        const [seen] = readContext(context);
        expect(seen?.text === expected(context, chunks, fence)[0]?.text).toBe(true);
      }
    }
  });
});

function withoutFence(one: GivenChunk, fence: string): GivenChunk {
  const clean = (text = ''): string => {
    const cut = text.replace(new RegExp(fence, 'gi'), '');
    return cut === text ? text : clean(cut);
  };
  return { ...one, id: clean(one.id), title: clean(one.title), document: clean(one.document) };
}
