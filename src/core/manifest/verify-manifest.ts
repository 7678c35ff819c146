import { decodeBase64 } from '../base64.ts';
import type { TrustedKey } from '../jwks.ts';
import { isRecord } from '../json.ts';
import { answerFindings, type Canonical } from './compare-answer.ts';
import { parseEnvelope, verifySignatures } from './dsse.ts';
import { parseStatement } from './parse-statement.ts';
import { PAYLOAD_TYPE, type ManifestStatement } from './statement.ts';

/** What is wrong, and where: `signature 1`, `predicate.at`, `chunk <id>`, `context`. */
export interface ManifestFinding {
  readonly place: string;
  readonly message: string;
}

export type ManifestVerdict =
  | { readonly kind: 'good'; readonly statement: ManifestStatement; /** Thumbprints. */ readonly signedBy: readonly [string, ...string[]] }
  | { readonly kind: 'wrong'; readonly findings: readonly [ManifestFinding, ...ManifestFinding[]] };

export interface ManifestCheck {
  readonly keys: readonly TrustedKey[];
  /** The answer that the manifest came with, parsed: every text of it is hashed anew. */
  readonly answer?: unknown;
  /** RFC 8785. Of lists and objects of strings and booleans. */
  readonly canonical: Canonical;
}

/** Replicas take up a new key within seconds of each other, and their clocks differ. Milliseconds. */
const KEY_TIME_SLACK = 5 * 60_000;

/** Believes nothing but the keys. Nothing of what is not signed is read beyond the envelope. Never throws. */
export function verifyManifest(manifest: unknown, { keys, answer, canonical }: ManifestCheck): ManifestVerdict {
  const envelope = parseEnvelope(manifest);
  if (envelope === undefined) return wrong('envelope', 'is no DSSE envelope');
  if (envelope.payloadType !== PAYLOAD_TYPE) return wrong('payloadType', `is not ${PAYLOAD_TYPE}`);
  const payload = decodeBase64(envelope.payload);
  if (payload === undefined) return wrong('payload', 'is not base64 as it is written');
  const verdicts = verifySignatures(envelope, payload, keys);
  const forged = verdicts.flatMap((verdict, index): ManifestFinding[] =>
    verdict.kind === 'forged'
      ? [{ place: `signature ${index + 1}`, message: `is not that of key ${verdict.keyid}: it, the payload or its type was changed` }]
      : [],
  );
  const [firstForged, ...moreForged] = forged;
  if (firstForged !== undefined) return { kind: 'wrong', findings: [firstForged, ...moreForged] };
  const signers = verdicts.flatMap((verdict) => (verdict.kind === 'holds' ? [verdict.key] : []));
  const [first, ...more] = signers;
  if (first === undefined) return wrong('signature', 'no key that is trusted has signed this');
  const parsed = parseStatement(payload);
  if (parsed.kind === 'other') return wrong(parsed.place, parsed.message);
  const { statement } = parsed;
  const findings = [...timeFindings(statement, signers), ...(answer === undefined ? [] : answerFindings(statement, answer, canonical))];
  const [one, ...others] = findings;
  if (one !== undefined) return { kind: 'wrong', findings: [one, ...others] };
  return { kind: 'good', statement, signedBy: [first.kid, ...more.map(({ kid }) => kid)] };
}

/** The envelope of a file that holds one, or a whole answer with its `manifest`. */
export function envelopeIn(value: unknown): unknown {
  return isRecord(value) && !('payloadType' in value) && 'manifest' in value ? value['manifest'] : value;
}

/** A key that somebody got hold of after it was retired signs nothing of a later time. */
function timeFindings({ predicate }: ManifestStatement, signers: readonly TrustedKey[]): readonly ManifestFinding[] {
  const at = Date.parse(predicate.at);
  return signers.flatMap(({ kid, since, retired }): ManifestFinding[] => {
    if (since !== undefined && at < since - KEY_TIME_SLACK) return [{ place: 'predicate.at', message: `is before key ${kid} was made` }];
    if (retired !== undefined && at > retired + KEY_TIME_SLACK)
      return [{ place: 'predicate.at', message: `is after key ${kid} was retired` }];
    return [];
  });
}

function wrong(place: string, message: string): ManifestVerdict {
  return { kind: 'wrong', findings: [{ place, message }] };
}
