/**
 * Stands in for a model, so that the example runs without one and says the same every time: of each chunk in the prompt it repeats the
 * sentence that has most words in common with the question, and cites it by its rank.
 */
export function answerLocally(prompt: string, question: string): string {
  const asked = new Set(wordsOf(question));
  const common = (sentence: string): number => new Set(wordsOf(sentence).filter((word) => asked.has(word))).size;
  const sentences = [...prompt.matchAll(/<chunk-[0-9a-f]+ rank="(\d+)"[^>]*>\n([^<]*)\n<\/chunk-/g)].flatMap(([, rank = '', text = '']) => {
    const best =
      readable(text)
        .split(/(?<=[.!?])\s+/)
        .sort((a, b) => common(b) - common(a))[0] ?? '';
    return common(best) === 0 ? [] : [{ rank, best, score: common(best) }];
  });
  const chosen = sentences.sort((a, b) => b.score - a.score || Number(a.rank) - Number(b.rank)).slice(0, 3);
  return chosen.map(({ rank, best }) => `${best} [${rank}]`).join(' ');
}

function readable(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

const COMMON = new Set('a an and are do does for from get how i in is it of on or the to what when which who will with you'.split(' '));

function wordsOf(text: string): readonly string[] {
  return (text.toLowerCase().match(/\p{L}{2,}/gu) ?? []).filter((word) => !COMMON.has(word));
}
