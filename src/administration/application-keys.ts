import type { Caller, Scope } from '../core/caller.ts';
import { sha256Hex } from '../core/digest.ts';
import { AppError } from '../core/errors.ts';
import type { ApplicationKey, ApplicationKeyCatalog } from '../core/ports/application-keys.ts';
import type { ReadCatalog, WriteCatalog } from '../core/ports/catalog.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import { presence, type Presence } from '../core/presence.ts';
import { principalParts, qualifyPrincipal, type Principal } from '../core/principal.ts';
import { changeBy, type RequestContext } from '../core/request-context.ts';

export interface ApplicationKeyParts {
  readonly catalog: ReadCatalog & ApplicationKeyCatalog & Pick<WriteCatalog, 'time'>;
  readonly policy: PolicyPort;
  readonly issuers: readonly string[];
  /** Unpredictable bytes. */
  readonly random: (size: number) => Uint8Array;
}

/** What a tool that knows nothing else needs; no key administers, audits or owns. */
export const KEY_SCOPES = ['retrieve', 'ingest'] as const satisfies readonly Scope[];

export interface NewKeyBody {
  readonly client: string;
  readonly scopes: readonly (typeof KEY_SCOPES)[number][];
  readonly note: string;
  /** ISO 8601, or `never`; in 90 days where absent. */
  readonly expires?: string | undefined;
}

export interface KeyResource {
  readonly id: string;
  readonly client: string;
  readonly scopes: readonly Scope[];
  readonly note: string;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly expires: string;
}

export interface ApplicationKeys {
  /** `key` is told this once. Fails with `forbidden` without `administer`, `invalid_request`, `limit_exceeded`. */
  add(context: RequestContext, body: NewKeyBody): Promise<KeyResource & { readonly key: string }>;
  list(
    context: RequestContext,
    after: string | undefined,
    limit: number,
  ): Promise<{ readonly keys: readonly KeyResource[]; readonly next?: string }>;
  /** For every request that starts afterwards. */
  revoke(context: RequestContext, id: string): Promise<void>;
  /**
   * The application that this key stands for, without a person; undefined where it is none of ours, revoked or ended, or of an issuer that
   * is not configured any more. Asked of the
   * database each time, so that nothing outlives a revocation.
   */
  authenticate(secret: string): Promise<Caller | undefined>;
}

const KEY = /^slk_[0-9a-f]{16}_[A-Za-z0-9_-]{43}$/;
const DEFAULT_MS = 90 * 24 * 60 * 60_000;

export function createApplicationKeys(parts: ApplicationKeyParts): ApplicationKeys {
  const { catalog, random } = parts;
  return {
    async add(context, body) {
      const here = await administrator(parts, context);
      const expiresAt = expiryOf(body.expires, await catalog.time());
      const id = Buffer.from(random(8)).toString('hex');
      const secret = `slk_${id}_${Buffer.from(random(32)).toString('base64url')}`;
      const client = clientOf(body.client, parts.issuers);
      const { scopes, note } = body;
      const key = { id, tenant: here.view.tenant, client, scopes, note, expiresAt };
      const added = await catalog.addApplicationKey(key, sha256Hex(secret), changeBy(context));
      return { ...resourceOf(added), key: secret };
    },

    async list(context, after, limit) {
      const here = await administrator(parts, context);
      const found = await catalog.applicationKeys(here.view.tenant, after, limit + 1);
      const page = found.slice(0, limit);
      const last = page.at(-1);
      return { keys: page.map(resourceOf), ...(found.length > limit && last !== undefined ? { next: last.id } : {}) };
    },

    async revoke(context, id) {
      const here = await administrator(parts, context);
      await catalog.revokeApplicationKey(here.view.tenant, id, changeBy(context));
    },

    async authenticate(secret) {
      if (!KEY.test(secret)) return undefined;
      const digest = sha256Hex(secret);
      const key = await catalog.findApplicationKey(digest);
      // What a configuration no longer names is nobody's application, whatever was handed out while it did.
      const known = key !== undefined && parts.issuers.includes(principalParts(key.client)?.issuer ?? '');
      return known ? callerOf(key, digest) : undefined;
    },
  };
}

async function administrator({ catalog, policy }: ApplicationKeyParts, context: RequestContext): Promise<Presence> {
  const here = await presence(catalog, context.caller);
  if (policy.permitsTenant(here.view, here.caller, 'administer').kind !== 'permit') throw new AppError('forbidden');
  return here;
}

function clientOf(text: string, issuers: readonly string[]): Principal {
  const client = qualifyPrincipal(text, issuers);
  const parts = client === undefined ? undefined : principalParts(client);
  if (client !== undefined && parts?.kind === 'client' && issuers.includes(parts.issuer)) return client;
  throw invalid('/client', 'needs an application of a configured issuer, such as client:<issuer>|<client_id>');
}

function expiryOf(text: string | undefined, now: number): number | 'never' {
  if (text === 'never') return 'never';
  const at = text === undefined ? now + DEFAULT_MS : Date.parse(text);
  if (Number.isNaN(at) || at <= now) throw invalid('/expires', 'needs a moment to come, or never');
  return at;
}

function invalid(pointer: string, message: string): AppError {
  return new AppError('invalid_request', { issues: [{ pointer, message }] });
}

function resourceOf({ id, client, scopes, note, createdBy, createdAt, expiresAt }: ApplicationKey): KeyResource {
  const expires = expiresAt === 'never' ? 'never' : new Date(expiresAt).toISOString();
  return { id, client, scopes, note, createdBy, createdAt: new Date(createdAt).toISOString(), expires };
}

/** No login: what ends it is its revocation, its end, or a switch on the application. */
function callerOf({ tenant, client, scopes, expiresAt }: ApplicationKey, digest: string): Caller {
  return {
    tenant,
    issuer: principalParts(client)?.issuer ?? '',
    user: { kind: 'none' },
    client,
    actor: { kind: 'none' },
    actorChain: [],
    scopes: new Set(scopes),
    tokenDigest: digest,
    expiresAt: expiresAt === 'never' ? Number.MAX_SAFE_INTEGER : Math.floor(expiresAt / 1_000),
  };
}
