import type { RequestContext } from '../core/request-context.ts';
import { blastRadius, type BlastRadius, type BlastRadiusParts, type BlastRadiusRequest } from './blast-radius.ts';
import { explain, type ExplainParts, type ExplainRequest } from './explain.ts';
import type { Explanation } from './explain-view.ts';
import { policyDiff, type PolicyDiff, type PolicyDiffParts, type PolicyDiffRequest } from './policy-diff.ts';

/** What can be asked about decisions themselves. */
export interface Reports {
  explain(context: RequestContext, request: ExplainRequest): Promise<Explanation>;
  diff(context: RequestContext, request: PolicyDiffRequest): Promise<PolicyDiff>;
  blastRadius(context: RequestContext, request: BlastRadiusRequest): Promise<BlastRadius>;
}

export function createReports(parts: ExplainParts & PolicyDiffParts & BlastRadiusParts): Reports {
  return {
    explain: (context, request) => explain(parts, context, request),
    diff: (context, request) => policyDiff(parts, context, request),
    blastRadius: (context, request) => blastRadius(parts, context, request),
  };
}
