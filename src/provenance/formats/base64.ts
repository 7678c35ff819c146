import { digestOf } from '../../core/digest.ts';
import { textsOf, type Painted, type Plan } from '../segments.ts';
import { envelope, noteOn, segmentElement } from '../tags.ts';

/** As `xml`, but the text of each chunk is its UTF-8 in base64 (RFC 4648, section 4, one line): nothing in it can look like anything. */
export function base64(plan: Plan): Painted {
  // The alphabet of base64 holds that of the fence, so an encoded text may spell the fence, by intent too; it cannot spell a tag.
  const textOf = textsOf(plan, (text) => plan.breakFence(Buffer.from(text, 'utf8').toString('base64')));
  const note = `${noteOn(plan.fence)} The text of each chunk is in base64: decode it to read it.`;
  const segments = plan.segments.map((segment) => segmentElement(plan, segment, textOf));
  const text = envelope(plan, note, segments);
  return { context: { format: 'base64', text, digest: digestOf(text) }, textOf };
}
