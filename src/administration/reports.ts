import type { RequestContext } from '../core/request-context.ts';
import { explain, type ExplainParts, type ExplainRequest } from './explain.ts';
import type { Explanation } from './explain-view.ts';

/** What can be asked about decisions themselves. */
export interface Reports {
  explain(context: RequestContext, request: ExplainRequest): Promise<Explanation>;
}

export function createReports(parts: ExplainParts): Reports {
  return { explain: (context, request) => explain(parts, context, request) };
}
