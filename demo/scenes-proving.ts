import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { readTrace, releaseOf } from '../src/doors/cli/commands/trace.ts';
import { CommandFailure } from '../src/doors/cli/failure.ts';
import { verifyAudit } from '../src/service/local-commands.ts';
import { ask } from './ask.ts';
import { holds, type SceneResult } from './scene.ts';
import type { Stage } from './stage.ts';

const EXCEPTIONS = 'people-partners/leave-exceptions.md';

/** An auditor reads who was shown what, and why. */
export async function tracedAnswer(stage: Stage): Promise<SceneResult> {
  const query = 'how much parental leave do I get?';
  const answer = await ask(stage, { person: 'priya', query, limit: 2 });
  const path = `/v1/requests/${answer.requestId}`;
  const trace = readTrace(await (await stage.as('ines')).call('GET', path));
  const release = releaseOf(trace);
  if (release === undefined) throw new CommandFailure('the trace holds no release');
  const lines = await policyLines(stage);
  const refused = await refusal((await stage.as('alice')).call('GET', path));
  const secret = release.chunks.find(({ document }) => document === EXCEPTIONS);
  const text = JSON.stringify(trace);
  return {
    scene: 'trace',
    headline: 'ines, the auditor, traces what priya was shown',
    columns: [],
    lines: [
      `request    ${answer.requestId}`,
      `asked by   ${release.user ?? 'nobody'} through ${release.client}`,
      `policy     revision ${release.policyRevision}`,
      ...release.chunks.flatMap(({ source, document, aclVersion, rules }) => [
        `shown      ${source}/${document}  ACL version ${aclVersion}`,
        ...rules.map((rule) => `           ${rule.padEnd(8)} ${lines.get(rule) ?? ''}`),
      ]),
    ],
    why: 'Who, through what, which documents, and the policy lines that allowed it: durable before the first byte left. No text, and not for everybody.',
    checks: [
      holds(
        'the trace names priya and the application',
        release.user === 'user:dev|priya' && release.client === 'client:dev|internal-assistant',
      ),
      holds(
        'intent and release are there',
        ['intent', 'release'].every((kind) => trace.events.some((event) => event.kind === kind)),
      ),
      holds('it names the confidential page', secret !== undefined),
      holds(
        'and the policy lines behind it',
        secret !== undefined && secret.rules.length >= 2 && secret.rules.every((rule) => lines.has(rule)),
      ),
      holds(
        'it holds no text',
        answer.text.includes('Two partners sign') && !text.includes('Two partners sign') && !text.includes('parental leave'),
      ),
      holds('alice, who is no auditor, gets nothing', refused === 'not_found'),
    ],
    facts: { requestId: answer.requestId, policyRevision: release.policyRevision },
  };
}

async function refusal(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'answered';
  } catch (error) {
    return error instanceof CommandFailure ? error.code : 'failed';
  }
}

/** `line:<n>` of policy.csv, as who, source, action and label. */
async function policyLines({ config }: Stage): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(join(config.policyDir, 'policy.csv'), 'utf8');
  const lines = text.split('\n').map((line, index) => [`line:${index + 1}`, line.split(',').map((column) => column.trim())] as const);
  return new Map(
    lines.flatMap(([rule, [type, who = '', , source = '', action = '', label = '']]) =>
      type === 'p' ? [[rule, `${who}  ${action} ${source}  ${label}`] as const] : [],
    ),
  );
}

/** The log's hash chain is whole; in a copy, one changed event is found. */
export async function verifiedAudit(stage: Stage): Promise<SceneResult> {
  const [chain] = await verifyAudit(stage.config, undefined);
  const { at, verdict } = await verifyForged(stage);
  const size = chain?.kind === 'intact' ? chain.size : 0;
  const head = chain?.kind === 'intact' ? chain.head : '';
  return {
    scene: 'audit',
    headline: 'The audit log proves itself',
    columns: [],
    lines: [
      `the log          ${chain?.kind ?? 'missing'}, ${size} events, head ${head.slice(0, 32)}…`,
      `a forged copy    ${verdict?.kind ?? 'missing'}${verdict?.kind === 'broken' ? ` at event ${verdict.index}: ${verdict.reason}` : ''}`,
    ],
    why: `Each event is hashed with all before it. In a copy, the application in event ${at} was changed, and the check says where.`,
    checks: [
      holds('the chain is intact', chain?.kind === 'intact' && size > 0),
      holds('a forged event is found where it is', verdict?.kind === 'broken' && verdict.index === at),
    ],
    facts: { events: size, head },
  };
}

async function verifyForged({ config }: Stage) {
  const dataDir = join(config.dataDir, 'forged');
  await mkdir(dataDir);
  const path = join(dataDir, 'sluice.sqlite');
  const original = new DatabaseSync(join(config.dataDir, 'sluice.sqlite'), { readOnly: true });
  original.prepare('vacuum into ?').run(path);
  original.close();
  const copy = new DatabaseSync(path);
  const [row] = copy.prepare(`select idx from audit_events where body like '%client:dev|internal-assistant%' order by idx desc limit 1`).all();
  const at = Number(row?.['idx'] ?? -1);
  copy.prepare(`update audit_events set body = replace(body, 'client:dev|internal-assistant', 'client:dev|customer-bot') where idx = ?`).run(at);
  copy.close();
  const [verdict] = await verifyAudit({ ...config, dataDir, database: { kind: 'sqlite', path } }, undefined);
  return { at, verdict };
}
