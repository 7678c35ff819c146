import { z } from 'zod';
import { COMPARTMENT, labelScheme, type LabelScheme } from '../core/label.ts';

/** The words a policy line may use, the same for every tenant of a deployment. */
export interface Vocabulary {
  readonly scheme: LabelScheme;
  /** The closed list of purposes; the first is what a request without a purpose means. */
  readonly purposes: readonly [string, ...string[]];
}

const word = z.string().regex(COMPARTMENT, 'use lower-case letters, digits and hyphens');
const unique = (words: readonly string[]): boolean => new Set(words).size === words.length;
const words = z.array(word).min(1, 'name at least one').max(64).refine(unique, 'name each once');
const schema = z.strictObject({ levels: words, purposes: words });

/** `labels.json`: `{"levels": [least … most sensitive], "purposes": [default, …]}`. Throws with the place and what to do. */
export function parseVocabulary(text: string): Vocabulary {
  const parsed = schema.safeParse(jsonOf(text));
  if (!parsed.success) throw new Error(`labels.json: ${z.prettifyError(parsed.error)}`);
  const [fallback, ...others] = parsed.data.purposes;
  if (fallback === undefined) throw new Error('labels.json: purposes: name at least one');
  return { scheme: labelScheme(parsed.data.levels), purposes: [fallback, ...others] };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error('labels.json is not JSON', { cause: error });
  }
}
