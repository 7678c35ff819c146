import { namedDocument } from '../core/audit-names.ts';
import { aclSubject, type Caller } from '../core/caller.ts';
import { AppError } from '../core/errors.ts';
import type { Label } from '../core/label.ts';
import type { HoneyMarker, HoneyMarkers } from '../core/ports/honey.ts';
import type { Telemetry } from '../core/ports/telemetry.ts';
import type { Watch } from '../core/ports/watch.ts';
import { effectiveZone } from '../core/zone.ts';
import { judgeOutput, outputRulesFor, stricter } from '../core/output-policy.ts';
import type { FoundInOutput, OutputDecision, OutputFinding, OutputPolicy, OutputRules } from '../core/output-policy.ts';
import { findOutput, type OutputFindings } from './output-findings.ts';
import { baitIn } from './output-bait.ts';
import type { ReleasedChunk } from './release-event.ts';
import { ownRelease, type OwnRelease } from './released.ts';
import { releasedTexts } from './released-texts.ts';
import { reporter, type StageParts } from './stages.ts';

export interface OutputParts extends StageParts {
  readonly markers: HoneyMarkers;
  readonly policy: OutputPolicy;
  readonly watch: Pick<Watch, 'bait'>;
  readonly telemetry: Telemetry;
  /** In [0, 1), unpredictable. */
  readonly seed: () => number;
}

/** Beside what rules are about. `withheld`: something the application is not told. */
export type OutputReason = OutputFinding | 'switched-off' | 'too-many-findings' | 'withheld';

export interface OutputReport {
  readonly requestId: string;
  readonly decision: OutputDecision;
  readonly reasons: readonly OutputReason[];
  /** Absent where nothing was compared, or more was found than is listed. */
  readonly findings?: OutputFindings;
}

/** UTF-16 units of an output. */
const MAX_OUTPUT = 262_144;
const MAX_CHECKS = 64;

/**
 * What a model made of what a request released to it, by the application that asked: compared with the texts of this release and with the
 * tenant's markers, and with nothing else. The output is not kept. Fails like `ownRelease`, and with `limit_exceeded`.
 */
export async function checkOutput(parts: OutputParts, asking: Caller, requestId: string, output: string): Promise<OutputReport> {
  if (output.length > MAX_OUTPUT) {
    throw new AppError('limit_exceeded', { issues: [{ pointer: '/output', message: `at most ${MAX_OUTPUT} characters` }] });
  }
  const own = await ownRelease(parts, asking, requestId);
  if (own.events.filter(({ kind }) => kind === 'output.checked').length >= MAX_CHECKS) {
    throw new AppError('limit_exceeded', { issues: [{ pointer: 'path/request', message: `at most ${MAX_CHECKS} checks of a request` }] });
  }
  const rules = outputRulesFor(parts.policy, own.caller.tenant);
  const texts = await releasedTexts(parts, own);
  const bait = await baitIn(parts.markers, own, output, texts);
  const found = await findOutput(output, own.chunks, texts, { quoteLength: rules.quoteLength, seed: parts.seed() });
  const report = judged(own, rules, found, bait);
  await record(parts, own, output, report, bait);
  return report;
}

function judged(own: OwnRelease, rules: OutputRules, found: OutputFindings | 'too-many', bait: readonly HoneyMarker[]): OutputReport {
  const { requestId } = own;
  const marked = bait.length > 0 && rules.marker !== 'allow';
  const withheld: readonly OutputReason[] = marked ? ['withheld'] : [];
  if (isOff(own)) return { requestId, decision: 'block', reasons: ['switched-off', ...withheld] };
  if (found === 'too-many') return { requestId, decision: 'block', reasons: ['too-many-findings', ...withheld] };
  const { decision, reasons } = judgeOutput(own.view.scheme, rules, judgeable(own, found));
  return {
    requestId,
    decision: marked ? stricter(decision, rules.marker) : decision,
    reasons: [...reasons, ...withheld],
    findings: found,
  };
}

/** Whoever is switched off hands nothing on, as for a sink of a session. */
function isOff({ caller, view: { off } }: OwnRelease): boolean {
  const parties = aclSubject(caller).deny;
  return off.everything || [...off.principals].some((one) => parties.has(one));
}

function judgeable(own: OwnRelease, { cited, quoted, unknown, unreadable }: OutputFindings): readonly FoundInOutput[] {
  const labels = new Map<string, Label>(own.chunks.map((entry) => [entry.chunk, labelOf(own, entry)]));
  const about = (finding: OutputFinding, chunk: string): FoundInOutput => {
    const label = labels.get(chunk);
    return label === undefined ? { finding } : { finding, label };
  };
  return [
    ...quoted.map(({ chunk }) => about('quote', chunk)),
    ...quoted.filter((quote) => !quote.cited).map(({ chunk }) => about('uncited-quote', chunk)),
    ...unknown.map((): FoundInOutput => ({ finding: 'unknown-citation' })),
    ...(cited.length === 0 && own.chunks.length > 0 ? [{ finding: 'no-citation' } as const] : []),
    ...unreadable.map((chunk) => about('unreadable-text', chunk)),
  ];
}

/** As it is now; where its zone is gone, what no rule can be more about: the highest level, everything it may carry, the lowest trust. */
function labelOf({ view, release }: OwnRelease, { source: id, zone: number }: ReleasedChunk): Label {
  const zone = view.zones.get(number);
  const source = view.sources.get(id);
  if (zone !== undefined && source !== undefined && zone.source === id) return effectiveZone(view.scheme, source, zone.declared).label;
  const joint = release.body['label'] as { readonly compartments?: readonly string[] } | null | undefined;
  return { level: view.scheme.levels.at(-1) ?? view.scheme.levels[0], compartments: joint?.compartments ?? [], trust: 'external' };
}

/** Durable before the answer leaves: an application that was told `allow` has been recorded as told so. */
async function record(
  parts: OutputParts,
  own: OwnRelease,
  output: string,
  report: OutputReport,
  bait: readonly HoneyMarker[],
): Promise<void> {
  const {
    caller: { tenant },
    erasures,
  } = own;
  const { requestId, decision, reasons, findings } = report;
  const counts = {
    cited: findings?.cited.length ?? null,
    quoted: findings?.quoted.length ?? null,
    uncited: findings?.quoted.filter(({ cited }) => !cited).length ?? null,
    unknown: findings?.unknown.length ?? null,
    unreadable: findings?.unreadable.length ?? null,
  };
  const { body: by, sealed } = reporter(own.caller);
  const body = { ...by, length: output.length, counts, decision, reasons };
  const checked = parts.audit.append({ tenant, kind: 'output.checked', requestId, body, sealed, erasures });
  if (bait.length > 0) {
    parts.telemetry.count('bait_in_outputs', {}, bait.length);
    parts.watch.bait(
      own.caller,
      bait.map(({ key }) => key),
    );
    const documents = bait.map(({ source, document }) => ({ source, document: namedDocument(source, document) }));
    const touched = { ...by, where: 'output', documents };
    await Promise.all([checked, parts.audit.append({ tenant, kind: 'honey.touched', requestId, body: touched, erasures })]);
  }
  await checked;
  parts.telemetry.count('outputs_checked', { decision });
}
