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
        .split(/(?<=[.!?])\s+|\n+/)
        .sort((a, b) => common(b) - common(a) || b.length - a.length)[0] ?? '';
    return common(best) === 0 ? [] : [{ rank, best, score: common(best) }];
  });
  const most = Math.max(0, ...sentences.map(({ score }) => score));
  const chosen = sentences.filter(({ score }) => score === most);
  return chosen.map(({ rank, best }) => `${best} [${rank}]`).join(' ');
}

function readable(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

const COMMON = new Set('a an and are do does for from get how i in is it of on or the to what when which who will with you'.split(' '));

function wordsOf(text: string): readonly string[] {
  return (text.toLowerCase().match(/\p{L}{2,}/gu) ?? []).filter((word) => !COMMON.has(word));
}
