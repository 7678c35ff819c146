import canonicalize from 'canonicalize';
import { envelopeIn, verifyManifest, type ManifestVerdict } from '../../../core/manifest/verify-manifest.ts';
import type { TrustedKey } from '../../../core/jwks.ts';
import { getPublic } from '../api-client.ts';
import { readJsonFile } from '../json-file.ts';
import type { Commands } from '../program.ts';
import { printable, type Terminal } from '../terminal.ts';
import { KEY_SET, keysOf } from './keys.ts';
import { addVerifyProof } from './verify-proof.ts';

interface Options {
  readonly key?: string;
  readonly answer?: string;
}

/** Checks what Sluice signed, without Sluice. */
export function addVerify(commands: Commands): void {
  const { program, house, terminal, action } = commands;
  const verify = program.command('verify').description('check what was signed, offline');
  addVerifyProof(commands, verify);
  verify
    .command('manifest')
    .description('check the manifest of an answer: that it was signed by a key you trust, and what it says')
    .argument('<file>', 'the manifest, or a whole answer that holds one')
    .option('--key <file or url>', 'the key set to trust; else that of the service at SLUICE_URL, which is its own word')
    .option('--answer <file>', 'the answer as it was received: every text in it is compared with what was signed')
    .action(
      action(async (json, command) => {
        const { key: source, answer } = command.opts<Options>();
        const manifest = envelopeIn(await readJsonFile(command.args[0] ?? ''));
        const keys = await trustedKeys(source ?? `${house.clientSettings().url}${KEY_SET}`);
        const given = answer === undefined ? {} : { answer: await readJsonFile(answer) };
        const verdict = verifyManifest(manifest, { keys, canonical, ...given });
        print(terminal, verdict, json, answer !== undefined);
        if (source === undefined && !json)
          terminal.err('sluice: checked with the keys that the service says are its own; --key takes those that you keep');
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
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') return keysOf(await readJsonFile(source), source);
  return keysOf(await getPublic(url.origin, `${url.pathname}${url.search}`), source);
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
