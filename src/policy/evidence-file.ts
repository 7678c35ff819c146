import { z } from 'zod';
import { defaultEvidencePolicy, type EvidencePolicy, type SecondPersonFrom } from '../core/evidence-policy.ts';
import type { LabelScheme } from '../core/label.ts';
import { byTenant, readPolicyFile } from './policy-file.ts';

function schemaOf(scheme: LabelScheme) {
  const from = z.custom<SecondPersonFrom>(
    (name) => name === 'always' || name === 'never' || (typeof name === 'string' && scheme.parse(name) !== undefined),
    'neither always nor never nor a level of labels.json',
  );
  const replay = z.strictObject({ secondPersonFrom: from });
  return z.strictObject({
    replay,
    tenants: byTenant(z.strictObject({ replay })),
  });
}

/** `evidence.yaml`; the defaults where there is none. Throws with the place and what to do. */
export function parseEvidencePolicy(text: string | undefined, scheme: LabelScheme): EvidencePolicy {
  if (text === undefined) return defaultEvidencePolicy(scheme);
  const { replay, tenants } = readPolicyFile('evidence.yaml', text, schemaOf(scheme));
  const own = Object.entries(tenants).map(([name, { replay: theirs }]) => [name, theirs.secondPersonFrom] as const);
  return { secondPersonFrom: replay.secondPersonFrom, tenants: new Map(own) };
}
