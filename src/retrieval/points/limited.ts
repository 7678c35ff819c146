import type { PointsQuestion } from '../../core/points/question.ts';

/**
 * The question with limits that keep its answer within `most` points. Of a batch the first searches take what they ask for, and the last
 * ones what is left: so an answer is shortened as a whole, and never refused for its size.
 */
export function limited<Id>(question: PointsQuestion<Id>, most: number): PointsQuestion<Id> {
  switch (question.kind) {
    case 'search': {
      let left = most;
      const shortened = question.searches.map((search) => {
        const limit = Math.min(search.limit, left);
        left -= limit;
        return { ...search, limit };
      });
      const [first, ...rest] = shortened;
      return first === undefined ? question : { kind: 'search', searches: [first, ...rest] };
    }
    case 'groups': {
      const { search } = question;
      const groupSize = Math.min(search.groupSize, most);
      return { kind: 'groups', search: { ...search, groupSize, limit: Math.min(search.limit, Math.max(1, Math.floor(most / groupSize))) } };
    }
    case 'scroll':
      return { kind: 'scroll', page: { ...question.page, limit: Math.min(question.page.limit, most) } };
    case 'points':
      return question.ids.length <= most ? question : { ...question, ids: question.ids.slice(0, most) };
    // Its values are parts of payloads, so an answer that has to be short has few of them.
    case 'facet':
      return { ...question, limit: Math.min(question.limit, most) };
    case 'count':
    case 'info':
      return question;
  }
}
