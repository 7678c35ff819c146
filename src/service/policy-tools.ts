import { createPolicyRevisions, type PolicyRevisions } from '../administration/policy-revisions.ts';
import { createPolicyShadow, type PolicyShadow } from '../administration/policy-shadow.ts';
import { createReports, type Reports } from '../administration/reports.ts';
import { createShadow, type Shadow } from '../administration/shadow.ts';
import type { LabelScheme } from '../core/label.ts';
import type { IssuerSummary } from '../core/ports/identity.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import { createPolicyExplainer } from '../policy/explain.ts';
import { parsePolicyCsv } from '../policy/parse-csv.ts';
import type { Stores } from './open-stores.ts';

/** What changes policy, and what tells about it. Close `shadow` before the catalog. */
export interface PolicyTools {
  readonly policyRevisions: PolicyRevisions;
  readonly policyShadow: PolicyShadow;
  readonly reports: Reports;
  readonly shadow: Shadow;
}

export function policyTools(parts: {
  readonly stores: Stores;
  readonly policy: PolicyPort;
  readonly scheme: LabelScheme;
  readonly telemetry: Telemetry;
  readonly issuers: readonly IssuerSummary[];
}): PolicyTools {
  const { stores, policy, scheme, telemetry, issuers } = parts;
  const { catalog, audit } = stores;
  const names = issuers.map(({ name }) => name);
  const explainer = createPolicyExplainer(scheme);
  const shadow = createShadow({ catalog, policy, explainer, telemetry });
  return {
    shadow,
    policyRevisions: createPolicyRevisions({ catalog, policy, issuers: names, parse: parsePolicyCsv }),
    policyShadow: createPolicyShadow({ catalog, policy, issuers: names, flush: () => shadow.flush() }),
    reports: createReports({ catalog, policy, explainer, audit, telemetry, issuers, parse: parsePolicyCsv }),
  };
}
