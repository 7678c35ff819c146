import { readFile, stat } from 'node:fs/promises';
import canonicalize from 'canonicalize';
import { envelopeIn, verifyManifest, type ManifestVerdict } from '../../../core/manifest/verify-manifest.ts';
import type { TrustedKey } from '../../../core/jwks.ts';
import { getPublic } from '../api-client.ts';
import { CommandFailure } from '../failure.ts';
import type { Commands } from '../program.ts';
import { printable, type Terminal } from '../terminal.ts';
import { KEY_SET, keysOf } from './keys.ts';

/** Well above the largest answer: 100 chunks, rendered. */
const MAX_BYTES = 256 * 1024 * 1024;

interface Options {
  readonly keys?: string;
  readonly answer?: string;
}

/** Checks what Sluice signed, without Sluice. */
export function addVerify({ program, house, terminal, action }: Commands): void {
  program
    .command('verify')
    .description('check what was signed')
    .command('manifest')
    .description('check the manifest of an answer: that it was signed by a key you trust, and what it says')
    .argument('<file>', 'the manifest, or a whole answer that holds one')
    .option('--keys <file or url>', 'the key set to trust; else that of the service at SLUICE_URL')
    .option('--answer <file>', 'the answer as it was received: every text in it is compared with what was signed')
    .action(
      action(async (json, command) => {
        const { keys: source, answer } = command.opts<Options>();
        const manifest = envelopeIn(await jsonFile(command.args[0] ?? ''));
        const keys = await trustedKeys(source ?? `${house.clientSettings().url}${KEY_SET}`);
        const given = answer === undefined ? {} : { answer: await jsonFile(answer) };
        const verdict = verifyManifest(manifest, { keys, canonical, ...given });
        print(terminal, verdict, json, answer !== undefined);
        return verdict.kind === 'good' ? 0 : 1;
      }),
    );
}

/** Half a surrogate pair has no canonical form, and what an answer holds may be anything. */
function canonical(value: unknown): string | undefined {
  try {
    return canonicalize(value);
  } catch {
    return undefined;
  }
}

async function trustedKeys(source: string): Promise<readonly TrustedKey[]> {
  const url = URL.parse(source);
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') return keysOf(await jsonFile(source), source);
  return keysOf(await getPublic(url.origin, `${url.pathname}${url.search}`), source);
}

async function jsonFile(path: string): Promise<unknown> {
  let text: string;
  try {
    if ((await stat(path)).size > MAX_BYTES) throw new Error('it is too large');
    text = await readFile(path, 'utf8');
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'unknown';
    throw new CommandFailure(`${path} cannot be read: ${reason}`, { exitCode: 2, code: 'unreadable' });
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new CommandFailure(`${path} is not JSON`, { code: 'malformed_json' });
  }
}

function print({ out, colors }: Terminal, verdict: ManifestVerdict, json: boolean, compared: boolean): void {
  if (json) return out(JSON.stringify(verdict));
  if (verdict.kind === 'wrong') {
    for (const { place, message } of verdict.findings) out(`${colors.red('wrong')}  ${printable(place)}: ${printable(message)}`);
    return;
  }
  const { predicate, subject } = verdict.statement;
  const chunks = subject.filter(({ annotations }) => 'rank' in annotations).length;
  out(`${colors.green('good')}  signed by ${verdict.signedBy.join(', ')}`);
  out(`request ${printable(predicate.request)} of tenant ${printable(predicate.tenant)} at ${printable(predicate.at)}`);
  out(`through ${printable(predicate.client)} under policy ${printable(predicate.policyRevision)}`);
  out(`${chunks} chunks${chunks < subject.length ? ' and a rendered context' : ''}${compared ? ', all as in the answer' : ''}`);
}
