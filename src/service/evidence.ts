import { createCounterfactual } from '../administration/counterfactual.ts';
import { randomBytes } from 'node:crypto';
import type { EvidencePolicy } from '../core/evidence-policy.ts';
import type { LabelScheme } from '../core/label.ts';
import type { EvidencePort } from '../core/ports/evidence.ts';
import type { IssuerSummary } from '../core/ports/identity.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import { createAuditDesk, type AuditDesk } from '../evidence/audit-desk.ts';
import { sealedPlaces } from '../evidence/cursor.ts';
import { createErasures, type Erasures } from '../evidence/erasures.ts';
import { createLegalHolds, type LegalHolds } from '../evidence/legal-holds.ts';
import { createReplays, type Replays } from '../evidence/replays.ts';
import { createPolicyExplainer } from '../policy/explain.ts';
import type { Stores } from './open-stores.ts';

/** What reads sealed evidence again, and what destroys it. */
export interface EvidenceServices {
  readonly replays: Replays;
  readonly erasures: Erasures;
  readonly legalHolds: LegalHolds;
  readonly auditDesk: AuditDesk;
}

export function evidenceServices(parts: {
  readonly stores: Stores;
  readonly policy: PolicyPort;
  readonly scheme: LabelScheme;
  readonly evidence: EvidencePolicy;
  readonly reads: EvidencePort;
  readonly issuers: readonly IssuerSummary[];
  readonly telemetry: Telemetry;
  readonly mend: () => void;
}): EvidenceServices {
  const { stores, policy, scheme, evidence, reads, telemetry, mend } = parts;
  const { catalog, audit } = stores;
  const issuers = parts.issuers.map(({ name }) => name);
  const explainer = createPolicyExplainer(scheme);
  const counterfactual = createCounterfactual({ catalog, policy, explainer, audit, telemetry, issuers: parts.issuers });
  const secret = (): Promise<string> => catalog.chunkSecret();
  const places = sealedPlaces(secret, randomBytes);
  return {
    replays: createReplays({ catalog, policy, audit, sealed: audit, evidence, issuers, counterfactual, places }),
    erasures: createErasures({ catalog, policy, audit, issuers, mend }),
    auditDesk: createAuditDesk({
      catalog,
      policy,
      audit,
      evidence: reads,
      issuers,
      secret,
      random: randomBytes,
    }),
    legalHolds: createLegalHolds({ catalog, policy, erasures: audit, issuers }),
  };
}
