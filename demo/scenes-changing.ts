import { ask } from './ask.ts';
import { hides, holds, shows, type SceneResult } from './scene.ts';
import type { Stage } from './stage.ts';

const REFUNDS_INTERNAL = 'support-notes/refunds-internal.md';
const REFUNDS = 'help-centre/refunds.md';

/** An owner relabels a source; nothing in the index changes. */
export async function relabelledSource(stage: Stage): Promise<SceneResult> {
  const query = 'what may we refund?';
  const about = { query, limit: 2 };
  const before = { name: 'alice before', answer: await ask(stage, { person: 'alice', ...about }) };
  const samBefore = await ask(stage, { person: 'sam', ...about });
  const olga = await stage.as('olga');
  await olga.call('PATCH', '/v1/sources/support-notes', { level: 'confidential' });
  const after = { name: 'alice after', answer: await ask(stage, { person: 'alice', ...about }) };
  const sam = { name: 'sam after', answer: await ask(stage, { person: 'sam', ...about }) };
  const note = sam.answer.shown.find(({ name }) => name === REFUNDS_INTERNAL);
  const same = samBefore.shown.find(({ name }) => name === REFUNDS_INTERNAL);
  return {
    scene: 'relabelled',
    headline: 'A source is relabelled: support-notes, from internal to confidential',
    question: query,
    columns: [before, after, sam],
    lines: [],
    why: `The next question obeyed, ${after.answer.milliseconds.toFixed(0)} ms after the change. Labels live in the catalog: not one vector was touched, and support still reads its notes.`,
    checks: [
      shows(before, REFUNDS_INTERNAL),
      hides(stage, after, REFUNDS_INTERNAL),
      shows(after, REFUNDS),
      shows(sam, REFUNDS_INTERNAL),
      holds('sam gets it under its new label', note?.level === 'confidential' && same?.level === 'internal'),
      holds('and it is the same chunk as before', note !== undefined && note.chunks.join() === same?.chunks.join()),
    ],
  };
}

const FORECAST = 'finance-reports/q2-forecast.md';
const RESULTS = 'finance-reports/q1-results.md';

/** A grant is taken away, and the question asked again at once. */
export async function revokedRight(stage: Stage): Promise<SceneResult> {
  const query = 'what is the forecast for the second quarter?';
  const before = { name: 'dana before', answer: await ask(stage, { person: 'dana', query, limit: 3 }) };
  const olga = await stage.as('olga');
  const path = `/v1/sources/finance-reports/documents/${encodeURIComponent('q2-forecast.md')}`;
  await olga.call('PATCH', path, { acl: { allow: ['user:olga'] } });
  const after = { name: 'dana after', answer: await ask(stage, { person: 'dana', query, limit: 3 }) };
  return {
    scene: 'revoked',
    headline: 'A right is revoked, and the question asked again at once',
    question: query,
    columns: [before, after],
    lines: [],
    why: `olga took the finance team's grant off the forecast. The very next question went without it, ${after.answer.milliseconds.toFixed(0)} ms later: there is no cache to wait for.`,
    checks: [shows(before, FORECAST), shows(before, RESULTS), hides(stage, after, FORECAST), shows(after, RESULTS)],
  };
}
