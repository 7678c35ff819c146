import { digestOf } from '../../core/digest.ts';
import { escapeText } from '../escape.ts';
import { textsOf, type Painted, type Plan } from '../segments.ts';
import { envelope, noteOn, segmentElement } from '../tags.ts';

/** One text with everything. */
export function xml(plan: Plan): Painted {
  const textOf = textsOf(plan, (text) => escapeText(text, plan.breakFence));
  const segments = plan.segments.map((segment) => segmentElement(plan, segment, textOf));
  const text = envelope(plan, noteOn(plan.fence), segments);
  return { context: { format: 'xml', text, digest: digestOf(text) }, textOf };
}
