import { isErasedName, named, namedDocument } from '../core/audit-names.ts';
import { actingPrincipal, type Caller } from '../core/caller.ts';
import { digestOf, type Digest } from '../core/digest.ts';
import { AppError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { AuditPort, Sealed, SealedReads, StoredAuditEvent } from '../core/ports/audit.ts';
import { inTurn } from './in-turn.ts';
import { again } from './people.ts';
import type { ReleasedChunk } from './release-event.ts';
import { ownRelease, type OwnRelease, type ReleaseReads } from './released.ts';
import { releasedTexts } from './released-texts.ts';

export interface StageParts extends ReleaseReads {
  readonly audit: Pick<AuditPort, 'byRequest' | 'append'>;
  readonly sealed: SealedReads;
}

/** What an application says became of the chunks that it was given. */
export interface StageReport {
  readonly stage: 'admitted' | 'cited';
  readonly requestId: string;
  /** In the order of the prompt, or of the answer. */
  readonly chunks: readonly string[];
  /** The prompt they went into: of its text nothing is kept but a digest, sealed. */
  readonly prompt: { readonly kind: 'none' } | { readonly kind: 'text'; readonly text: string } | DigestOfPrompt;
}

interface DigestOfPrompt {
  readonly kind: 'digest';
  readonly digest: Digest;
}

export interface StageAnswer {
  readonly requestId: string;
  readonly stage: StageReport['stage'];
  /** False where the same report was there already. */
  readonly recorded: boolean;
}

export interface Stages {
  report(caller: Caller, report: StageReport): Promise<StageAnswer>;
}

/** Reports of one kind on one request that differ. */
const MAX_REPORTS = 16;

/**
 * Fails like `ownRelease`; with `not_released` for a chunk that this request did not release, whatever else it may be; with
 * `limit_exceeded` for one report too many; with `conflict` where things are being erased all the time.
 */
export function createStages(parts: StageParts): Stages {
  // Two of the same at once would both find nothing written yet. Of two replicas, both may write; readers see one report twice.
  const serial = inTurn();
  return {
    report: (caller, report) => serial(`${caller.tenant} ${report.requestId}`, () => again(() => reportStage(parts, caller, report))),
  };
}

async function reportStage(parts: StageParts, asking: Caller, report: StageReport): Promise<StageAnswer> {
  const { requestId, stage } = report;
  const own = await ownRelease(parts, asking, requestId);
  const entries = reportedEntries(own, report.chunks);
  const digest = promptDigest(report);
  const earlier = own.events.filter(({ kind }) => kind === stage);
  for (const event of earlier) {
    if (await isSame(parts, event, report.chunks, digest)) return { requestId, stage, recorded: false };
  }
  if (earlier.length >= MAX_REPORTS) {
    const issues = [{ pointer: 'path/request', message: `at most ${MAX_REPORTS} different reports of a stage` }];
    throw new AppError('limit_exceeded', { issues });
  }
  const prompt = digest === undefined ? 'none' : await sealedPrompt(parts, own, entries, digest);
  const by = reporter(own.caller);
  const body: JsonObject = {
    ...by.body,
    chunks: entries.map(({ entry, place }) => chunkFacts(entry, place)),
    ...(stage === 'admitted' ? { prompt: typeof prompt === 'string' ? prompt : 'sealed' } : {}),
  };
  const sealed = typeof prompt === 'string' ? by.sealed : { ...by.sealed, ...prompt };
  const { erasures } = own;
  await parts.audit.append({ tenant: own.caller.tenant, kind: stage, requestId, body, sealed, erasures });
  return { requestId, stage, recorded: true };
}

/** Who reports, as whoever asked is named in the log. */
export function reporter(caller: Caller): { readonly body: JsonObject; readonly sealed: Sealed } {
  const { user, client, actorChain, tokenDigest } = caller;
  return {
    body: { user: user.kind === 'user' ? named(user.principal) : null, client },
    sealed: { holder: actingPrincipal(caller), facts: { actorChain, tokenDigest } },
  };
}

interface Reported {
  readonly entry: ReleasedChunk;
  /** In the release, from 0. */
  readonly place: number;
}

/** A chunk that exists and one that does not are refused alike: neither was released here. */
function reportedEntries({ chunks }: OwnRelease, reported: readonly string[]): readonly Reported[] {
  const places = new Map<string, number>(chunks.map(({ chunk }, place) => [chunk, place]));
  const found = reported.map((chunk) => {
    const place = places.get(chunk);
    const entry = place === undefined ? undefined : chunks[place];
    return place === undefined || entry === undefined ? undefined : { entry, place };
  });
  const issues = found.flatMap((one, index) =>
    one === undefined ? [{ pointer: `/chunks/${index}`, message: 'this request did not release it' }] : [],
  );
  if (issues.length > 0) throw new AppError('not_released', { issues });
  return found.filter((one) => one !== undefined);
}

/** As the release names it, so that whoever may audit the chunk there may here. */
function chunkFacts({ chunk, source, document, zone }: ReleasedChunk, place: number): JsonObject {
  return { chunk, rank: place + 1, source, ...(isErasedName(document) ? {} : { document: namedDocument(source, document) }), zone };
}

function promptDigest({ prompt }: StageReport): Digest | undefined {
  if (prompt.kind === 'none') return undefined;
  return prompt.kind === 'digest' ? prompt.digest : digestOf(prompt.text);
}

/**
 * A digest over document text: it ends with the caller, and with any text that is in it. `erased` where one has ended already: then
 * nothing of it may be written, not even a digest.
 */
async function sealedPrompt(
  parts: StageParts,
  own: OwnRelease,
  reported: readonly Reported[],
  digest: Digest,
): Promise<Pick<Sealed, 'answer' | 'texts'> | 'erased'> {
  const texts = await releasedTexts(parts, own);
  const versions = reported.map(({ entry: { source, document }, place }) => {
    const text = texts[place];
    return text?.kind === 'text' ? { source, document, version: text.version } : undefined;
  });
  const known = versions.filter((one) => one !== undefined);
  if (known.length < versions.length) return 'erased';
  const each = [...new Map(known.map((one) => [JSON.stringify([one.source, one.document, one.version]), one])).values()];
  return {
    answer: { promptDigest: digest },
    // Nothing of the text again: only that the digest goes where it goes.
    texts: each.map((one) => ({ ...one, key: 'prompt', content: () => ({}) })),
  };
}

async function isSame(
  { sealed }: StageParts,
  { tenant, index, body }: StoredAuditEvent,
  chunks: readonly string[],
  digest: Digest | undefined,
): Promise<boolean> {
  const before = (body['chunks'] as readonly JsonObject[]).map(({ chunk }) => chunk);
  if (before.length !== chunks.length || before.some((chunk, place) => chunk !== chunks[place])) return false;
  if (body['prompt'] !== 'sealed') return digest === undefined || body['prompt'] === 'erased';
  const opened = await sealed.sealed(tenant, index);
  // Of one that was erased nobody can tell any more; it is not written again.
  if (opened?.answer.kind !== 'open') return digest !== undefined;
  return opened.answer.content['promptDigest'] === digest;
}
