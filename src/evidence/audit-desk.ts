import type { AuditPort } from '../core/ports/audit.ts';
import type { EvidencePort } from '../core/ports/evidence.ts';
import { createCursors } from './cursor.ts';
import { createExport, type ExportAudit } from './export.ts';
import { readFilters, type FilterTexts } from './filters.ts';
import { createProofs, type AuditProofs } from './proofs.ts';
import type { AuditFilters } from './question.ts';
import { createQuestions, type AuditQuestions } from './questions.ts';
import type { ReaderParts } from './reader.ts';

export interface AuditDeskParts extends ReaderParts {
  readonly audit: Pick<AuditPort, 'append'>;
  readonly evidence: EvidencePort;
  readonly issuers: readonly string[];
  /** Of the deployment, the same on every replica. */
  readonly secret: () => Promise<string>;
  readonly random: (bytes: number) => Uint8Array;
}

/** Where auditors ask. */
export interface AuditDesk {
  readonly questions: AuditQuestions;
  readonly proofs: AuditProofs;
  readonly exportAudit: ExportAudit;
  /** Fails with `invalid_request`. */
  filters(texts: FilterTexts): AuditFilters;
}

export function createAuditDesk({ issuers, secret, random, ...parts }: AuditDeskParts): AuditDesk {
  return {
    questions: createQuestions({ ...parts, cursors: createCursors(secret, random) }),
    proofs: createProofs(parts),
    exportAudit: createExport(parts),
    filters: (texts) => readFilters(texts, issuers),
  };
}
