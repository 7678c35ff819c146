import { AppError } from '../core/errors.ts';
import { parseCollectionName, type CollectionKey, type CollectionName } from '../core/ids.ts';
import type { LosslessObject } from '../core/points/raw-json.ts';
import type { CollectionCatalog, CollectionProfile, CollectionSettings, HostedCollection } from '../core/ports/collections.ts';
import type { HostedIndex } from '../core/ports/points.ts';
import { changeBy } from '../core/request-context.ts';
import { writtenAcl } from './acl-body.ts';
import { authorityOf, type Authority } from './authority.ts';
import { canonicalJson } from './document-write.ts';
import { readSettings } from './collection-settings.ts';
import { retryOnConflict } from './put-document.ts';
import type { SourceParts } from './sources.ts';
import type { AclBody, RequestContext } from './types.ts';

export interface CollectionParts extends SourceParts {
  readonly collections: CollectionCatalog;
  readonly hosted: Pick<HostedIndex, 'create' | 'drop'>;
  /** Name of Sluice's own collection. */
  readonly collection: string;
  /** A new random UUID. */
  readonly newKey: () => CollectionKey;
}

export interface CollectionBody {
  /** The source that applications write into. */
  readonly source?: string | undefined;
  /** Applications that write into another one. */
  readonly byClient?: readonly { readonly client: string; readonly source: string }[] | undefined;
  readonly profile: CollectionProfile;
  readonly defaultAcl?: AclBody | undefined;
  /** `vectors` and `sparse_vectors`; needed to make one. */
  readonly params?: LosslessObject | undefined;
}

export interface CollectionResource {
  readonly collection: CollectionName;
  readonly revision: number;
  readonly source?: string;
  readonly byClient: readonly { readonly client: string; readonly source: string }[];
  /** Every source that points lie in or are written into. */
  readonly sources: readonly string[];
  readonly profile: CollectionProfile;
  readonly defaultAcl?: ReturnType<typeof writtenAcl>;
  readonly params: LosslessObject;
  /** What keeps applications from writing points there; absent where nothing does. */
  readonly missing?: readonly string[];
}

export interface Collections {
  /** Fails with `forbidden`, `invalid_request`, `invalid_acl`, `already_exists` (the name of Sluice's own), `conflict`, `limit_exceeded`. */
  put(
    context: RequestContext,
    name: string,
    body: CollectionBody,
  ): Promise<{ readonly created: boolean; readonly resource: CollectionResource }>;
  get(context: RequestContext, name: string): Promise<CollectionResource>;
  /** By name. */
  list(
    context: RequestContext,
    after: string | undefined,
    limit: number,
  ): Promise<{ readonly collections: readonly CollectionResource[]; readonly next?: string }>;
  delete(context: RequestContext, name: string): Promise<void>;
}

/** Hosted collections of the Qdrant-compatible door, for owners (`label`) of every source that their points lie in. */
export function createCollections(parts: CollectionParts): Collections {
  return {
    put: (context, name, body) => retryOnConflict(context.signal, () => put(parts, context, name, body)),

    async get(context, name) {
      const authority = await authorityOf(parts, context);
      return resource(visible(parts, authority, name));
    },

    async list(context, after, limit) {
      const authority = await authorityOf(parts, context);
      const all = [...authority.view.collections.values()]
        .filter((one) => (after === undefined || one.name > after) && owns(parts, authority, one))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
      const page = all.slice(0, limit);
      const last = page.at(-1);
      return { collections: page.map(resource), ...(all.length > limit && last !== undefined ? { next: last.name } : {}) };
    },

    async delete(context, name) {
      await retryOnConflict(context.signal, async () => {
        const authority = await authorityOf(parts, context);
        const found = visible(parts, authority, name);
        await parts.collections.deleteCollection(authority.view.tenant, found.name, found.revision, changeBy(context));
      });
      parts.mend();
    },
  };
}

async function put(parts: CollectionParts, context: RequestContext, name: string, body: CollectionBody): ReturnType<Collections['put']> {
  const authority = await authorityOf(parts, context);
  const parsed = collectionName(name);
  if (parsed === parts.collection) throw new AppError('already_exists');
  const settings = await readSettings(parts, authority, body);
  const existing = authority.view.collections.get(parsed);
  // What is hidden and what is missing answer alike.
  if (existing !== undefined && !owns(parts, authority, existing)) throw new AppError('forbidden');
  if (existing === undefined && !mayBegin(parts, authority, parsed)) throw new AppError('forbidden');
  const params = paramsOf(existing, body.params);
  if (existing !== undefined && same(existing, settings)) return { created: false, resource: resource(existing) };
  const { tenant } = authority.view;
  if (existing !== undefined) {
    const { key, revision } = existing;
    const stored = await parts.collections.putCollection(tenant, parsed, { ...settings, key, params }, revision, changeBy(context));
    return { created: false, resource: resource(stored) };
  }
  const key = parts.newKey();
  // The index first: what has a name can be written into. A crash in between leaves an empty collection that nobody can name.
  await parts.hosted.create(key, params, context.signal);
  try {
    const stored = await parts.collections.putCollection(tenant, parsed, { ...settings, key, params }, 'absent', changeBy(context));
    return { created: true, resource: resource(stored) };
  } catch (error) {
    await parts.hosted.drop(key, context.signal).catch(() => parts.mend());
    throw error;
  }
}

export function collectionName(text: string): CollectionName {
  const name = parseCollectionName(text);
  if (name !== undefined) return name;
  const message = 'the name of a collection is 1 to 128 letters, digits, dots, underscores and hyphens';
  throw new AppError('invalid_request', { issues: [{ pointer: '/collection', message }] });
}

/** `label` over every live source of it; where none is live any more, whoever administers the tenant. */
export function owns({ policy }: Pick<CollectionParts, 'policy'>, authority: Authority, { sources }: HostedCollection): boolean {
  const live = sources.flatMap((id) => authority.view.sources.get(id) ?? []).filter(({ state }) => state === 'live');
  if (live.length > 0) return live.every((source) => authority.may('label', source));
  return policy.permitsTenant(authority.view, authority.caller, 'administer').kind === 'permit';
}

/** A name is the tenant's to give, but for that of one's own source: else any owner could try which names are taken. */
function mayBegin({ policy }: CollectionParts, authority: Authority, name: CollectionName): boolean {
  const { view, caller } = authority;
  const own = [...view.sources.values()].find(({ id, state }) => state === 'live' && id === String(name));
  if (own !== undefined && authority.may('label', own)) return true;
  return policy.permitsTenant(view, caller, 'administer').kind === 'permit';
}

/** `not_found` alike for what is missing, hidden or another's. */
function visible(parts: CollectionParts, authority: Authority, name: string): HostedCollection {
  const parsed = parseCollectionName(name);
  const found = parsed === undefined ? undefined : authority.view.collections.get(parsed);
  if (found === undefined || !owns(parts, authority, found)) throw new AppError('not_found');
  return found;
}

function paramsOf(existing: HostedCollection | undefined, given: LosslessObject | undefined): LosslessObject {
  if (existing === undefined && given === undefined) {
    throw new AppError('invalid_request', {
      issues: [{ pointer: '/vectors', message: 'vectors or sparseVectors are needed to make a collection' }],
    });
  }
  if (existing === undefined) return given ?? {};
  if (given === undefined || canonicalJson(given) === canonicalJson(existing.params)) return existing.params;
  throw new AppError('invalid_request', {
    issues: [{ pointer: '/vectors', message: 'the vectors of a collection cannot be changed: make another one, or delete this one first' }],
  });
}

function same(existing: HostedCollection, { writers, profile, defaultAcl }: CollectionSettings): boolean {
  const facts = (one: CollectionSettings) =>
    canonicalJson([one.writers.source, Object.fromEntries(one.writers.byClient), one.profile, one.defaultAcl]);
  return facts(existing) === facts({ writers, profile, defaultAcl });
}

function resource(collection: HostedCollection): CollectionResource {
  const { name, revision, writers, sources, profile, defaultAcl, params } = collection;
  const missing = missingOf(collection);
  return {
    collection: name,
    revision,
    ...(writers.source.kind === 'source' ? { source: writers.source.source } : {}),
    byClient: [...writers.byClient].map(([client, source]) => ({ client, source })),
    sources,
    profile,
    ...(defaultAcl.kind === 'acl' ? { defaultAcl: writtenAcl(defaultAcl.acl) } : {}),
    params,
    ...(missing.length > 0 ? { missing } : {}),
  };
}

function missingOf({ writers, profile, defaultAcl }: CollectionSettings): readonly string[] {
  const writer = writers.source.kind === 'source' || writers.byClient.size > 0;
  return [
    ...(writer ? [] : ['source: no application may write points until a source is named']),
    ...(profile.acl === undefined && defaultAcl.kind === 'none'
      ? ['defaultAcl: points are refused until profile.acl says where theirs stands, or a default is given']
      : []),
  ];
}
