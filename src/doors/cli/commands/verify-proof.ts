import { z } from 'zod';
import { verifySavedComplete, verifySavedInclusion, type ProofVerdict } from '../../../core/tlog/verify-proof.ts';
import { readKeys } from '../audit-trust.ts';
import { usage } from '../failure.ts';
import { readJsonFile } from '../json-file.ts';
import type { Commands } from '../program.ts';
import { printable, type Terminal } from '../terminal.ts';

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const checkpoint = z.object({ note: z.string() });
const inclusion = z.object({ index: z.int().min(0), leaf: hash, path: z.array(hash), checkpoint });
const complete = z.object({
  proofs: z
    .array(
      z.object({
        log: z.object({
          about: z.enum(['document', 'source', 'caller', 'client', 'kind']),
          what: z.enum(['released', 'changed', 'asked', 'done', 'concerned', 'all']),
          name: z.string(),
        }),
        pseudonym: z.object({ kind: z.enum(['person', 'document']), name: z.string(), key: hash }).exactOptional(),
        proof: z.object({
          checkpoint,
          positions: z.array(z.int().min(0)),
          leaves: z.array(hash),
          map: z.object({ bucket: z.array(z.object({ key: hash, value: hash })), path: z.array(hash) }),
        }),
      }),
    )
    .min(1),
});

const REASONS = {
  checkpoint: 'its checkpoint is not signed by a key that you trust',
  name: 'the pseudonym is not made from this name',
  proof: 'it does not lead to its checkpoint',
} as const;

/** Checks what `sluice audit prove` printed, offline. */
export function addVerifyProof({ terminal, action }: Commands, verify: Commands['program']): void {
  verify
    .command('proof')
    .description('check a proof that "sluice audit prove inclusion" or "complete" printed, offline')
    .argument('<file>')
    .requiredOption('--key <key>', 'a verifier key, or a file of verifier keys or with a key set')
    .action(
      action(async (json, command) => {
        const { key } = command.opts<{ key: string }>();
        const answer = await readJsonFile(command.args[0] ?? '');
        const origins = originsIn(answer);
        const keys = new Map(await Promise.all(origins.map(async (origin) => [origin, await readKeys(key, origin)] as const)));
        const verdicts = verdictsOn(answer, (origin) => keys.get(origin) ?? []);
        for (const { said, verdict } of verdicts) print(terminal, json, said, verdict);
        return verdicts.every(({ verdict }) => verdict.kind === 'good') ? 0 : 1;
      }),
    );
}

function verdictsOn(answer: unknown, keys: Parameters<typeof verifySavedInclusion>[1]) {
  const one = inclusion.safeParse(answer);
  if (one.success) return [{ said: `event ${one.data.index} is in the log`, verdict: verifySavedInclusion(one.data, keys) }];
  const all = complete.safeParse(answer);
  if (!all.success)
    throw usage('the file holds no proof of inclusion or completeness; one of consistency is for "audit verify --consistency"');
  return all.data.proofs.map((proof) => {
    const { about, what, name } = proof.log;
    const { positions } = proof.proof;
    const known = proof.pseudonym === undefined ? name : `${proof.pseudonym.name}, there ${name}`;
    const found =
      positions.length === 0
        ? 'nothing'
        : `${positions.length} events and no others: ${positions.slice(0, 20).join(' ')}${positions.length > 20 ? ' …' : ''}`;
    return { said: `${about} ${known}, ${what}: ${found}`, verdict: verifySavedComplete(proof, keys) };
  });
}

function originsIn(answer: unknown): readonly string[] {
  const notes = [
    inclusion.safeParse(answer).data?.checkpoint.note,
    ...(complete.safeParse(answer).data?.proofs ?? []).map(({ proof }) => proof.checkpoint.note),
  ];
  return [...new Set(notes.flatMap((note) => (note === undefined ? [] : [note.split('\n', 1)[0] ?? ''])))];
}

function print({ out, colors }: Terminal, json: boolean, said: string, verdict: ProofVerdict): void {
  if (json)
    out(JSON.stringify({ said, ...(verdict.kind === 'good' ? { ok: true, size: verdict.head.size } : { ok: false, what: verdict.what }) }));
  else if (verdict.kind === 'good') out(`${colors.green('good')}   ${printable(said)}, at ${verdict.head.size} events`);
  else out(`${colors.red('wrong')}  ${printable(said)}: ${REASONS[verdict.what]}`);
}
