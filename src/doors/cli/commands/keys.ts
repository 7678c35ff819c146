import { parseKeySet, type TrustedKey } from '../../../core/jwks.ts';
import { formatVerifierKey, noteVerifier } from '../../../core/tlog/note-keys.ts';
import { getPublic } from '../api-client.ts';
import { CommandFailure, usage } from '../failure.ts';
import type { PublicKeyReport } from '../house.ts';
import type { Commands } from '../program.ts';

export const KEY_SET = '/.well-known/jwks.json';

/** What a service publishes; for checkpoints also in the form that verifiers of signed notes take. */
export function addKeys({ program, house, terminal, action }: Commands): void {
  program
    .command('keys')
    .description('the public keys of a service, the one in force first')
    .option('--origin <origin>', 'print them as verifier keys of the log of this origin instead (C2SP signed notes)')
    .action(
      action(async (json, command) => {
        const { origin } = command.opts<{ origin?: string }>();
        const keys = keysOf(await getPublic(house.clientSettings().url, KEY_SET), 'the service');
        for (const key of keys) {
          const facts = reportOf(key);
          const text = origin === undefined ? lineOf(facts) : verifierKey(origin, key);
          terminal.out(json ? JSON.stringify(origin === undefined ? facts : { ...facts, verifier: text }) : text);
        }
        return 0;
      }),
    );
}

/** A new key, on the machine, where the file is. */
export function addRotateKey({ house, terminal, action }: Commands, admin: Commands['program']): void {
  admin
    .command('rotate-key')
    .description('make a new signing key; running services sign with it within seconds, the old ones still verify')
    .option('--compromised', 'somebody may have the key: destroy its private part at once, so that it signs nothing more here')
    .option('--lost', 'the file is lost or broken: make another one that knows the old keys by their public parts')
    .action(
      action(async (json, command) => {
        const { compromised, lost } = command.opts<{ compromised?: true; lost?: true }>();
        if (compromised === true && lost === true) throw usage('say --compromised or --lost; a lost file has no private parts to destroy');
        const keys = await house.rotateKey(lost === true ? 'lost' : compromised === true ? 'compromised' : 'planned');
        for (const facts of keys) terminal.out(json ? JSON.stringify(facts) : lineOf(facts));
        return 0;
      }),
    );
}

/** Fails with a CommandFailure where it is no key set. */
export function keysOf(value: unknown, where: string): readonly TrustedKey[] {
  const keys = parseKeySet(value);
  if (keys === undefined || keys.length === 0) throw new CommandFailure(`${where} has no set of Ed25519 keys`, { code: 'no_keys' });
  return keys;
}

function verifierKey(origin: string, { publicKey }: TrustedKey): string {
  try {
    return formatVerifierKey(noteVerifier(origin, publicKey));
  } catch {
    throw usage('an origin has neither spaces nor plus signs');
  }
}

function reportOf({ kid, since, retired }: TrustedKey): PublicKeyReport {
  const iso = (at: number): string => new Date(at).toISOString();
  return { kid, ...(since === undefined ? {} : { since: iso(since) }), ...(retired === undefined ? {} : { retired: iso(retired) }) };
}

function lineOf({ kid, since, retired }: PublicKeyReport): string {
  return `${kid}  since ${since ?? '?'}${retired === undefined ? '' : `  retired ${retired}`}`;
}
