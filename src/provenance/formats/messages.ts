import canonicalize from 'canonicalize';
import { digestOf } from '../../core/digest.ts';
import { escapeText } from '../escape.ts';
import { textsOf, type Painted, type Plan } from '../segments.ts';
import { envelope, noteOn, segmentElement } from '../tags.ts';

/** A message for each segment. Each stands alone and carries the note, since an application may place them apart. */
export function messages(plan: Plan): Painted {
  const textOf = textsOf(plan, (text) => escapeText(text, plan.breakFence));
  const list = plan.segments.map((segment) => ({
    role: 'user' as const,
    content: envelope(plan, noteOn(plan.fence), [segmentElement(plan, segment, textOf)]),
  }));
  return { context: { format: 'messages', messages: list, digest: digestOf(canonicalize(list) ?? '[]') }, textOf };
}
