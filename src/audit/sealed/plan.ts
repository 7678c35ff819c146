import type { Sealed, SealedText } from '../../core/ports/audit.ts';
import { contentName, subjectId, type IdentifiedSubject, type Subject } from '../names/key.ts';
import { MAX_TEXTS } from './envelope.ts';

/** What is to be sealed with an event, in its final form but for its keys. */
export interface SealPlan {
  /** `subjectId` of the holder's key. */
  readonly holder: string;
  /** JSON. */
  readonly facts: string;
  readonly answer: string | undefined;
  readonly texts: readonly PlannedText[];
  readonly subjects: readonly IdentifiedSubject[];
}

export interface PlannedText {
  /** `subjectId` of the version's key. */
  readonly under: string;
  readonly text: SealedText;
}

/** UTF-16 units of facts and answer. */
const MAX_SEALED = 16_777_216;

/** Throws where it is too large. */
export function planSeal({ holder, facts, answer, texts = [] }: Sealed): SealPlan {
  if (texts.length > MAX_TEXTS) throw new RangeError('too many sealed texts');
  const subjects = new Map<string, IdentifiedSubject>();
  const subjectOf = ({ kind, name }: Subject): string => {
    const id = subjectId({ kind, name });
    subjects.set(id, { id, kind, name });
    return id;
  };
  const plan = {
    holder: subjectOf({ kind: 'holder', name: holder }),
    facts: JSON.stringify(facts),
    answer: answer === undefined ? undefined : JSON.stringify(answer),
    texts: texts.map((text) => ({
      text,
      under: subjectOf({ kind: 'content', name: contentName(text.source, text.document, text.version) }),
    })),
    subjects: [...subjects.values()],
  };
  if (plan.facts.length + (plan.answer?.length ?? 0) > MAX_SEALED) throw new RangeError('the sealed part is too large');
  return plan;
}
