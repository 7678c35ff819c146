import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { calculateJwkThumbprint, importJWK, compactVerify, CompactSign } from 'jose';
import { beforeEach, describe, expect, it } from 'vitest';
import { keyId, verifyEd25519 } from '../core/ed25519.ts';
import { jwkOf, parseKeySet } from '../core/jwks.ts';
import type { Log } from '../core/ports/telemetry.ts';
import { openSigning, rotateKey, type Signing } from './signing.ts';

const MESSAGE = Buffer.from('what is signed');
let directory = '';
let path = '';
let logged: unknown[][] = [];
let now = Date.UTC(2026, 0, 1);

beforeEach(async () => {
  const made = await mkdtemp(join(tmpdir(), 'signing-'));
  directory = made;
  path = join(made, 'keys', 'signing-keys.json');
  logged = [];
  now = Date.UTC(2026, 0, 1);
  return () => rm(made, { recursive: true, maxRetries: 5 });
});

const clock = { now: () => now };
const note = (...line: unknown[]): void => void logged.push(line);
const log: Log = { debug: note, info: note, warn: note, error: note };
const open = (known: readonly ReturnType<Signing['keys']>[number][] = []): Promise<Signing> =>
  openSigning({ path, clock, telemetry: { log }, known });
const text = (): Promise<string> => readFile(path, 'utf8');
const privateParts = async (): Promise<readonly string[]> => [...(await text()).matchAll(/"d": "([^"]+)"/g)].map(([, d]) => d ?? '');

describe('the file of keys', () => {
  it('is made at the first start, closed to others, and the same key signs after a restart', async () => {
    const signing = await open();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(directory, 'keys'))).toEqual(['signing-keys.json']);
    const { kid, signature } = signing.sign(MESSAGE);
    const again = await open(signing.keys());
    expect(again.keys()).toEqual(signing.keys());
    const [key] = again.keys();
    expect(key.kid).toBe(kid);
    expect(verifyEd25519(key.publicKey, MESSAGE, signature)).toBe(true);
    expect(verifyEd25519(key.publicKey, Buffer.from('another'), signature)).toBe(false);
    expect(signing.coSign(MESSAGE)).toBeUndefined();
  });

  it('that cannot be made is told of with what to do', async () => {
    await symlink(join(directory, 'nowhere', 'deep'), join(directory, 'keys'));
    const message = expect.stringContaining('SLUICE_SIGNING_KEYS') as string;
    await expect(open()).rejects.toMatchObject({ name: 'SigningKeysError', message });
    expect(await readdir(directory)).toEqual(['keys']);
  });

  it('is one file for processes that start at the same time', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => open()));
    expect(new Set(all.map((signing) => signing.keys()[0].kid)).size).toBe(1);
    expect(await readdir(join(directory, 'keys'))).toEqual(['signing-keys.json']);
  });

  it('names a key by its RFC 7638 thumbprint, and others can verify with what is published', async () => {
    const signing = await open();
    const jwk = jwkOf(signing.keys()[0]);
    expect(jwk.kid).toBe(await calculateJwkThumbprint(jwk));
    // RFC 8037 appendix A.3.
    expect(keyId(Buffer.from('11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo', 'base64url'))).toBe(
      'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
    );
    const [d] = await privateParts();
    const jws = await new CompactSign(MESSAGE).setProtectedHeader({ alg: 'EdDSA' }).sign(await importJWK({ ...jwk, d: d ?? '' }, 'EdDSA'));
    expect((await compactVerify(jws, await importJWK(jwk, 'EdDSA'))).payload).toEqual(new Uint8Array(MESSAGE));
    expect(parseKeySet({ keys: [jwk] })).toMatchObject([{ kid: jwk.kid, since: now }]);
    expect(parseKeySet({ keys: [{ kty: 'RSA', n: 'x', e: 'AQAB' }] })).toEqual([]);
    expect(parseKeySet({ keys: [{ ...jwk, x: 'short' }] })).toBeUndefined();
  });

  const damages: readonly (readonly [string, (text: string) => string, RegExp])[] = [
    ['half written', (whole) => whole.slice(0, whole.length / 2), /half of a file/],
    ['empty', () => '', /half of a file/],
    ['of another format', (whole) => whole.replace('/v1', '/v9'), /format/],
    ['without keys', (whole) => whole.replace(/\[[^]*\]/, '[]'), /1 to 1000 keys/],
    [
      'with a flipped bit in a public key',
      (whole) => whole.replace(/"x": "(.)/, (_, c: string) => `"x": "${c === 'A' ? 'B' : 'A'}`),
      /key 1/,
    ],
    [
      'with a flipped bit in a private key',
      (whole) => whole.replace(/"d": "(.)/, (_, c: string) => `"d": "${c === 'A' ? 'B' : 'A'}`),
      /d of key 1/,
    ],
    ['with another id', (whole) => whole.replace(/"kid": "./, '"kid": "~'), /id of key 1/],
    ['of another curve', (whole) => whole.replace('Ed25519', 'Ed448'), /type of key 1/],
    ['without the private part', (whole) => whole.replace(/\s*"d": "[^"]+",/, ''), /private part/],
    ['with an odd time', (whole) => whole.replace('2026-01-01', '2026-99-01'), /time of key 1/],
  ];

  it.each(damages)('that is %s is refused with what to do, and without what it holds', async (_, damage, reason) => {
    const signing = await open();
    const secrets = await privateParts();
    await writeFile(path, damage(await text()));
    const refused = await open(signing.keys()).catch((error: unknown) => error as Error);
    expect(refused).toBeInstanceOf(Error);
    const { message, stack } = refused as Error;
    expect(message).toMatch(reason);
    expect(message).toContain(path);
    expect(message).toMatch(/backup.*rotate-key --lost/);
    for (const secret of secrets) expect(`${message}${stack}`).not.toContain(secret.slice(1, 12));
  });

  it('that two keys of are in force, or one stands in twice, is refused', async () => {
    await open();
    const whole = JSON.parse(await text()) as { format: string; keys: object[] };
    await writeFile(path, JSON.stringify({ ...whole, keys: [...whole.keys, ...whole.keys] }));
    await expect(open()).rejects.toThrow('twice');
    await rm(path);
    await open();
    const other = JSON.parse(await text()) as typeof whole;
    await writeFile(path, JSON.stringify({ ...whole, keys: [...whole.keys, ...other.keys] }));
    await expect(open()).rejects.toThrow('more than one key is in force');
  });

  it.each([0o644, 0o604, 0o620, 0o602])('with mode %o is refused', async (mode) => {
    await open();
    await chmod(path, mode);
    await expect(open()).rejects.toThrow(/other accounts.*chmod 600/);
  });

  it('may be read by a group, and be a link, as containers are handed secrets', async () => {
    const signing = await open();
    await chmod(path, 0o440);
    const link = join(directory, 'link.json');
    await symlink(path, link);
    const through = await openSigning({ path: link, clock, telemetry: { log }, known: signing.keys() });
    expect(through.keys()).toEqual(signing.keys());
  });

  it('is not made anew where the deployment has signed: what is missing is named', async () => {
    const signing = await open();
    await rm(path);
    await expect(open(signing.keys())).rejects.toThrow(signing.keys()[0].kid);
    await open();
    await expect(open(signing.keys())).rejects.toThrow(/lacks.*All replicas need the same file/);
  });
});

describe('rotation', () => {
  it('a new key signs, the old one verifies, co-signs once more and then loses its private part', async () => {
    const signing = await open();
    const [first] = signing.keys();
    const old = signing.sign(MESSAGE);
    now += 1_000;
    await rotateKey(path, clock, { kind: 'planned', known: signing.keys() });
    expect(signing.sign(MESSAGE).kid).toBe(first.kid);
    expect(await signing.refresh()).toBe(true);
    expect(await signing.refresh()).toBe(false);
    const [second, before] = signing.keys();
    expect(before).toEqual({ ...first, retired: new Date(now).toISOString() });
    expect(signing.sign(MESSAGE).kid).toBe(second.kid);
    expect(second.kid).not.toBe(first.kid);
    const both = signing.coSign(MESSAGE);
    expect(both?.kid).toBe(first.kid);
    expect(verifyEd25519(first.publicKey, MESSAGE, both?.signature ?? new Uint8Array())).toBe(true);
    expect(verifyEd25519(first.publicKey, MESSAGE, old.signature)).toBe(true);
    expect(await privateParts()).toHaveLength(2);
    await rotateKey(path, clock, { kind: 'planned', known: [] });
    await signing.refresh();
    expect(signing.keys().map(({ kid }) => kid)).toEqual([expect.any(String), second.kid, first.kid]);
    expect(await privateParts()).toHaveLength(2);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('of a compromised key destroys its private part at once', async () => {
    const signing = await open();
    await rotateKey(path, clock, { kind: 'compromised', known: [] });
    await signing.refresh();
    expect(signing.coSign(MESSAGE)).toBeUndefined();
    expect(await privateParts()).toHaveLength(1);
    expect(signing.keys()).toHaveLength(2);
  });

  it('of a lost file publishes what is known of the old keys; one that is there is not lost', async () => {
    const signing = await open();
    const known = signing.keys();
    await expect(rotateKey(path, clock, { kind: 'lost', known })).rejects.toThrow('not lost');
    await rm(path);
    await expect(rotateKey(path, clock, { kind: 'planned', known })).rejects.toThrow('no such file');
    await rotateKey(path, clock, { kind: 'lost', known });
    const again = await open(known);
    expect(again.keys()).toMatchObject([{}, { kid: known[0].kid, retired: expect.any(String) as string }]);
    expect(again.coSign(MESSAGE)).toBeUndefined();
    await truncate(path, 10);
    await rotateKey(path, clock, { kind: 'lost', known: again.keys() });
    expect((await open(again.keys())).keys()).toHaveLength(3);
  });

  it('a running service keeps its keys where the file is gone, broken or an older one, and says so without a secret', async () => {
    const signing = await open();
    const before = await text();
    await rotateKey(path, clock, { kind: 'planned', known: [] });
    await signing.refresh();
    const keys = signing.keys();
    const whole = await text();
    for (const content of [before, whole.slice(0, 40), '{}']) {
      await writeFile(path, content);
      expect(await signing.refresh()).toBe(false);
    }
    await rm(path);
    expect(await signing.refresh()).toBe(false);
    expect(signing.keys()).toEqual(keys);
    expect(signing.sign(MESSAGE).kid).toBe(keys[0].kid);
    expect(logged).toHaveLength(4);
    const said = logged.map((line) =>
      line.map((part) => (part instanceof Error ? `${part.message}${part.stack}` : JSON.stringify(part))).join(),
    );
    for (const [, d] of whole.matchAll(/"d": "([^"]+)"/g)) expect(said.join()).not.toContain(d);
    expect(JSON.stringify(signing.keys().map(jwkOf))).not.toContain('"d"');
  });
});
