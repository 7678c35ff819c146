import { setImmediate } from 'node:timers/promises';
import { AppError } from '../../core/errors.ts';
import type { PointsQuestion } from '../../core/points/question.ts';
import { presence, type Presence } from '../../core/presence.ts';
import { purposeOf } from '../../core/purpose.ts';
import { questionOf } from '../question.ts';
import { demandAdmission } from '../watch-admission.ts';
import { pointsIntent } from './events.ts';
import { limited } from './limited.ts';
import { answerNumbers } from './numbers.ts';
import { embedTexts } from './own-collection.ts';
import { MAX_POINTS, type Asking, type PointsParts } from './parts.ts';
import { passOnce } from './pass.ts';
import { placeOf } from './place.ts';
import { releasePoints, type Compose } from './release.ts';
import type { PointsAnswer, PointsContext } from './types.ts';

const MAX_SEARCHES = 6;
/** Characters of a question as it is sealed. Each is kept, whether the question is answered or not. */
const MAX_QUESTION = 1_048_576;

/** The path of a question at the Qdrant-compatible door: as that of a retrieval, with what is asked and answered in Qdrant's terms. */
export async function askPoints(
  parts: PointsParts,
  context: PointsContext,
  name: string,
  question: PointsQuestion,
  compose: Compose,
): Promise<PointsAnswer> {
  const { asking, here } = await begin(parts, context, name, question);
  const { kind } = asking.question;
  if (kind === 'count' || kind === 'facet' || kind === 'info') return answerNumbers(parts, asking, compose);
  return answerPoints(parts, asking, compose, here);
}

async function begin(
  parts: PointsParts,
  context: PointsContext,
  name: string,
  question: PointsQuestion,
): Promise<{ readonly asking: Asking; readonly here: Presence }> {
  const purpose = purposeOf(parts.policy, context.purpose);
  // Before anything is written: a token may assert a tenant that was never made, and must not start a log for it.
  const here = await presence(parts.catalog, context.caller);
  const place = placeOf(parts, here, purpose, name);
  if (place === undefined) throw new AppError('not_found');
  const admission = demandAdmission(parts.watch, context.caller);
  const most = admission === 'unlimited' ? MAX_POINTS : Math.min(admission, MAX_POINTS);
  const sealed = questionOf({ query: questionText(question) }, Buffer.from(parts.random(32)).toString('hex'));
  const vectors = await embedTexts(parts, place, limited(question, most), context.signal);
  const asking = { context, purpose, name, question: vectors, sealed, most };
  const intent = pointsIntent({ ...asking, declared: async () => undefined });
  const declare = async (): Promise<void> => {
    // On SQLite a commit holds up this thread, so the search is sent off first.
    await setImmediate();
    await parts.audit.append(intent);
  };
  return { asking: { ...asking, declared: once(() => parts.telemetry.span('audit.intent', {}, declare)) }, here };
}

function once<T>(run: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => (running ??= run());
}

/** As it is sealed: vectors are left out, being long and unreadable; texts, ids and filters are there. */
function questionText(question: PointsQuestion): string {
  const text = JSON.stringify(question, (key, value: unknown) => (key === 'vector' ? 'vector' : value));
  if (text.length <= MAX_QUESTION) return text;
  const message = `at most ${MAX_QUESTION} characters beside vectors: name fewer ids and values at once`;
  throw new AppError('limit_exceeded', { issues: [{ pointer: '', message }] });
}

async function answerPoints(parts: PointsParts, asking: Asking, compose: Compose, here: Presence): Promise<PointsAnswer> {
  const { telemetry } = parts;
  for (let search = 0; search < MAX_SEARCHES; search++) {
    asking.context.signal.throwIfAborted();
    const pass = await telemetry.span('search', {}, () => passOnce(parts, asking, search === 0 ? here : undefined));
    // Where nothing was searched, there was nothing to wait beside.
    await asking.declared();
    if (pass === undefined) continue;
    if (search === 0) parts.shadow?.observe(pass.context.view, pass.context.caller, asking.purpose);
    const patient = pass.overtaken && search < MAX_SEARCHES - 1;
    const released = await telemetry.span('release', {}, () => releasePoints(parts, asking, compose, pass, patient));
    if (released !== undefined) return released;
  }
  throw new AppError('epoch_unstable', { retryAfter: 1 });
}
