import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { createExportVerifier, type ExportReport } from '../src/core/tlog/verify-export.ts';
import { readTrust } from '../src/doors/cli/audit-trust.ts';
import { readTrace, releaseOf } from '../src/doors/cli/commands/trace.ts';
import { CommandFailure } from '../src/doors/cli/failure.ts';
import { findingText } from '../src/doors/cli/finding-text.ts';
import { ask } from './ask.ts';
import { holds, type SceneResult } from './scene.ts';
import type { Stage } from './stage.ts';

const keySet = z.looseObject({ keys: z.array(z.looseObject({})) });
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

/** The log leaves as an export, and is checked with a checkpoint and public keys alone; in a copy, one changed event is found. */
export async function verifiedAudit(stage: Stage): Promise<SceneResult> {
  const log = await exportedLog(stage);
  const report = await verified(log, log.lines);
  const forged = forge(log.lines);
  const found = await verified(log, forged.lines);
  const [finding] = found.findings;
  return {
    scene: 'audit',
    headline: 'The audit log proves itself to an outsider',
    columns: [],
    lines: [
      `the export       ${report.ok ? 'good' : 'wrong'}: ${report.events} events, all that the checkpoint covers`,
      `checked with     a checkpoint, signed by ${log.keys} key, and nothing else of the service`,
      `a forged copy    ${finding === undefined ? 'good' : findingText(finding)}`,
    ],
    why: `Events are leaves of a Merkle tree whose root is signed. In a copy, the application in event ${forged.at} was changed, and the check says where.`,
    checks: [
      holds('the export is whole', report.ok && report.events > 0 && report.events === report.size),
      holds(
        'a forged event is found where it is',
        !found.ok && found.findings.some((place) => 'index' in place && place.index === forged.at),
      ),
      holds('the export names nobody', !log.lines.some((line) => line.includes('user:dev|'))),
    ],
    facts: { events: report.events, checkpoint: log.checkpoint.split('\n')[2] ?? '' },
  };
}

interface ExportedLog {
  readonly lines: readonly string[];
  readonly checkpoint: string;
  readonly directory: string;
  readonly keys: number;
}

/** What an auditor takes away: the log, a checkpoint and the keys. */
async function exportedLog(stage: Stage): Promise<ExportedLog> {
  const auditor = await stage.as('ines');
  const parts: Uint8Array[] = [];
  for await (const part of auditor.download('/v1/audit/export?format=sluice')) parts.push(part);
  const { body } = await auditor.bytes('/v1/audit/checkpoint?fresh=true', 'content-type');
  const keys = keySet.parse(await auditor.call('GET', '/.well-known/jwks.json'));
  const directory = join(stage.config.dataDir, 'taken-away');
  await mkdir(directory);
  const checkpoint = Buffer.from(body).toString('utf8');
  await writeFile(join(directory, 'checkpoint.txt'), checkpoint);
  await writeFile(join(directory, 'keys.json'), JSON.stringify(keys));
  return { lines: Buffer.concat(parts).toString('utf8').split('\n'), checkpoint, directory, keys: keys.keys.length };
}

/** As `sluice audit verify` does. */
async function verified({ directory }: ExportedLog, lines: readonly string[]): Promise<ExportReport> {
  const verifier = createExportVerifier(await readTrust(join(directory, 'checkpoint.txt'), [join(directory, 'keys.json')]));
  verifier.push(Buffer.from(lines.join('\n')));
  return verifier.end();
}

function forge(lines: readonly string[]): { readonly at: number; readonly lines: readonly string[] } {
  const line = lines.findLastIndex((text) => text.startsWith('{"at":') && text.includes('client:dev|internal-assistant'));
  const at = Number(/"index":(\d+),"kind"/.exec(lines[line] ?? '')?.[1] ?? -1);
  return {
    at,
    lines: lines.map((text, index) => (index === line ? text.replace('client:dev|internal-assistant', 'client:dev|customer-bot') : text)),
  };
}
