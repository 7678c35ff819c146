import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/core/json.ts';
import { CONTEXT_FORMATS } from '../../src/core/provenance.ts';
import { putTogether, takeApart } from '../../src/core/replay.ts';
import { renderContext } from '../../src/provenance/render-context.ts';
import { figure, trials } from '../support/scale.ts';
import { chunkOf, hostileChunks } from './segments-hostile.ts';

const FENCE = '00112233445566778899aabbccddeeff';
const MARK = 'ffeeddccbbaa99887766554433221100';
const RUNS = trials(200, 10_000);

/** The record of an answer knows no format: it finds what each rendering says stands for a chunk. */
describe.each(CONTEXT_FORMATS)('an answer with a context as %s', (format) => {
  it('comes back from its record byte for byte, with its texts stored apart', () => {
    fc.assert(
      fc.property(hostileChunks(FENCE, '\ue000'), fc.boolean(), (given, long) => {
        const chunks = given.map((one, index) => chunkOf({ ...one, text: long ? one.text.repeat(8) : one.text }, index + 1));
        const { context, rendered, chunks: tagged } = renderContext(format, chunks, { random: randomBytes });
        const body = { requestId: 'r', chunks: tagged, context };
        const apart = takeApart(body, rendered, MARK);
        const stored = JSON.parse(JSON.stringify(apart.answer)) as JsonObject;
        const texts = apart.texts.map((text) => JSON.parse(JSON.stringify(text())) as ReturnType<typeof text>);
        expect(putTogether(stored, texts, undefined)).toBe(JSON.stringify(body));
      }),
      { numRuns: RUNS },
    );
    figure(`Segments: record of an answer, ${format}`, `${RUNS} answers of hostile chunks put together again byte for byte`);
  });
});

describe('a text that rendering left as it was', () => {
  it.each(['xml', 'messages', 'base64', 'anthropic'] as const)('stands in the record of %s by reference alone', (format) => {
    const text = 'Parental leave is twenty-six weeks for everybody who has been here for a year. '.repeat(3);
    const { context, rendered, chunks } = renderContext(format, [chunkOf({ text, trust: 'internal' }, 1)], { random: randomBytes });
    const { answer } = takeApart({ chunks, context }, rendered, MARK);
    const parts = JSON.stringify(answer.parts);
    expect(parts).not.toContain('Parental leave');
    expect(parts).not.toContain(Buffer.from(text).toString('base64').slice(0, 40));
  });
});
