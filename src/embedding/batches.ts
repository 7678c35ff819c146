/** What one request may hold. Servers refuse larger ones, and a smaller one is cheaper to repeat. */
export interface BatchLimits {
  readonly texts: number;
  readonly characters: number;
}

/** Texts in order, in batches within the limits; a text that is too long alone makes a batch of its own. */
export function batches(texts: readonly string[], limits: BatchLimits): readonly (readonly string[])[] {
  const result: string[][] = [];
  let characters = 0;
  for (const text of texts) {
    const last = result.at(-1);
    if (last === undefined || last.length >= limits.texts || characters + text.length > limits.characters) {
      result.push([text]);
      characters = 0;
    } else {
      last.push(text);
    }
    characters += text.length;
  }
  return result;
}
