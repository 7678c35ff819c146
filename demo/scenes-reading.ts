import { ask } from './ask.ts';
import { hides, holds, shows, showsOnly, type Column, type SceneResult } from './scene.ts';
import type { Stage } from './stage.ts';

const LEAVE = 'people-handbook/parental-leave.md';
const EXCEPTIONS = 'people-handbook/people-partners/leave-exceptions.md';
const CONTRACTORS = 'people-handbook/contractors/leave-for-contractors.md';

/** An employee, a people partner and a contractor ask the same. */
export async function threePeople(stage: Stage): Promise<SceneResult> {
  const query = 'how much parental leave do I get?';
  const column = async (person: string): Promise<Column> => ({ name: person, answer: await ask(stage, { person, query, limit: 3 }) });
  const [alice, priya, marco] = [await column('alice'), await column('priya'), await column('marco')];
  return {
    scene: 'people',
    headline: 'One question, three people',
    question: query,
    columns: [alice, priya, marco],
    lines: [],
    why: 'alice is an employee, priya a people partner, marco a contractor. Nobody asked for less: the search itself sees only what each may read.',
    checks: [
      shows(alice, LEAVE),
      hides(stage, alice, EXCEPTIONS),
      hides(stage, alice, CONTRACTORS),
      shows(priya, LEAVE),
      shows(priya, EXCEPTIONS),
      shows(marco, CONTRACTORS),
      hides(stage, marco, LEAVE),
      hides(stage, marco, EXCEPTIONS),
      showsOnly(marco, 'contractors’ and public pages', ({ name, level }) => name.includes('/contractors/') || level === 'public'),
    ],
  };
}

const NORTHWIND = 'customer-notes/northwind.md';
const REFUNDS_INTERNAL = 'support-notes/refunds-internal.md';
const REFUNDS = 'help-centre/refunds.md';

/** A person gets through an application only what both may read. */
export async function twoApplications(stage: Stage): Promise<SceneResult> {
  const query = 'can Northwind get a refund?';
  const inside = { name: 'staff tool', answer: await ask(stage, { person: 'sam', query, limit: 3 }) };
  const outside = {
    name: 'public site',
    answer: await ask(stage, { person: 'sam', application: 'customer-assistant', query, limit: 3 }),
  };
  return {
    scene: 'applications',
    headline: 'One person, two applications',
    question: query,
    columns: [inside, outside],
    lines: [],
    why: 'sam works in support, and asks both times. What the assistant on the public site cannot read cannot slip into a customer’s chat.',
    checks: [
      shows(inside, NORTHWIND),
      shows(inside, REFUNDS_INTERNAL),
      shows(outside, REFUNDS),
      hides(stage, outside, NORTHWIND),
      hides(stage, outside, REFUNDS_INTERNAL),
      showsOnly(outside, 'the public help centre', ({ name, level }) => name.startsWith('help-centre/') && level === 'public'),
    ],
  };
}

const POISONED = 'web-clips/calibration-tips.md';
const WIKI = 'engineering-wiki/calibration.md';
const MAX_LINE = 90;

/** A page from outside carries instructions and forged tags. */
export async function poisonedPage(stage: Stage): Promise<SceneResult> {
  const query = 'tips for calibrating a tide sensor';
  const alice = { name: 'alice', answer: await ask(stage, { person: 'alice', query, limit: 2, context: true }) };
  const careful = {
    name: 'alice, minTrust internal',
    answer: await ask(stage, { person: 'alice', query, limit: 2, minTrust: 'internal' }),
  };
  const { context, joint } = alice.answer;
  const external = segmentOf(context, 'external');
  return {
    scene: 'poisoned',
    headline: 'A poisoned page from the web',
    question: query,
    columns: [alice, careful],
    lines: excerpt(context),
    why: 'It arrives as data: in a segment of its own, its tags escaped, behind a fence that it cannot guess. The joint label tells an agent to be careful.',
    checks: [
      shows(alice, POISONED),
      shows(alice, WIKI),
      holds('the page is inside the external segment', external.includes('Ignore all previous instructions')),
      holds('and in no other', segmentOf(context, 'internal').includes('soak') && !segmentOf(context, 'internal').includes('Ignore all')),
      holds('its forged tags are escaped', external.includes('&lt;segment trust=') && !external.includes('<segment trust=')),
      holds('the joint label says external', joint?.trust === 'external'),
      shows(careful, WIKI),
      hides(stage, careful, POISONED),
    ],
    facts: { joint },
  };
}

/** The markup between the tags of a segment; empty where there is none. */
function segmentOf(context: string, trust: string): string {
  const open = new RegExp(`<segment-([0-9a-f]{32}) trust="${trust}">`).exec(context);
  if (open === null) return '';
  const from = context.slice(open.index + open[0].length);
  const end = from.indexOf(`</segment-${open[1] ?? ''}>`);
  return end === -1 ? '' : from.slice(0, end);
}

/** The lines that matter, the fence shortened for the eye. */
function excerpt(context: string): readonly string[] {
  const wanted = [/^<segment/, /^<chunk/, /Ignore all/, /&lt;/, /soak/];
  return context
    .split('\n')
    .filter((line) => wanted.some((pattern) => pattern.test(line)))
    .map((line) => line.replaceAll(/-([0-9a-f]{4})[0-9a-f]{28}/g, '-$1…').replace(/ id="[^"]*"/, ''))
    .map((line) => (line.length > MAX_LINE ? `${line.slice(0, MAX_LINE - 1)}…` : line));
}
