import { changeBy } from '../core/request-context.ts';
import { MAX_ACL_ENTRIES } from '../core/acl.ts';
import { AppError } from '../core/errors.ts';
import { parseSourceId, type SourceId } from '../core/ids.ts';
import type { SourceAttributes, WriteCatalog } from '../core/ports/catalog.ts';
import { qualifyPrincipal, type Principal } from '../core/principal.ts';
import type { Source } from '../core/zone.ts';
import { authorityOf, SEEING, type Authority, type AuthorityParts } from './authority.ts';
import { readLabel } from './label-body.ts';
import type { UnknownPrincipals } from './unknown-principals.ts';
import type { IngestionService, SourceBody, SourceExistence, SourcePatch, SourceResource } from './types.ts';

export interface SourceParts extends AuthorityParts {
  readonly writes: WriteCatalog;
  /** Short names of the configured issuers. */
  readonly issuers: readonly string[];
  /** Those of them whose tokens name no groups. */
  readonly groupless: readonly string[];
  readonly unknown: UnknownPrincipals;
  /** Starts cleaning up what a deletion leaves behind. */
  readonly mend: () => void;
}

type SourceMethods = Pick<IngestionService, 'putSource' | 'patchSource' | 'getSource' | 'listSources' | 'deleteSource'>;

/** Changing a source needs `label` over it, both as it is and as it would become. */
export function sourceMethods(parts: SourceParts): SourceMethods {
  return {
    async putSource(context, id, body) {
      const authority = await authorityOf(parts, context);
      const source = sourceId(id);
      const attributes = readAttributes(parts, authority.view.scheme, body);
      const existing = authority.view.sources.get(source);
      const wanted: Source = { tenant: context.caller.tenant, id: source, revision: 0, state: 'live', ...attributes };
      const known = existing === undefined || authority.may('label', existing);
      if (!known || !authority.may('label', wanted)) throw new AppError('forbidden');
      if (existing?.state === 'deleting') throw new AppError('conflict', { detail: 'the source is being deleted' });
      if (existing !== undefined && same(existing, attributes)) return { created: false, resource: resource(existing) };
      const stored = await parts.writes.putSource(
        context.caller.tenant,
        source,
        attributes,
        existing?.revision ?? 'absent',
        changeBy(context),
      );
      return { created: existing === undefined, resource: resource(stored) };
    },

    async patchSource(context, id, patch) {
      const authority = await authorityOf(parts, context);
      const existing = authority.source(id, ...SEEING);
      const attributes = patched(parts, authority.view.scheme, existing, patch);
      if (!authority.may('label', existing) || !authority.may('label', { ...existing, ...attributes })) throw new AppError('forbidden');
      if (same(existing, attributes)) return resource(existing);
      return resource(await parts.writes.putSource(context.caller.tenant, existing.id, attributes, existing.revision, changeBy(context)));
    },

    async getSource(context, id) {
      const authority = await authorityOf(parts, context);
      return shown(authority, authority.source(id, ...SEEING));
    },

    async listSources(context) {
      const authority = await authorityOf(parts, context);
      const live = [...authority.view.sources.values()].filter((s) => s.state === 'live');
      const visible = live.filter((s) => SEEING.some((action) => authority.may(action, s)));
      return visible.map((s) => shown(authority, s)).sort((a, b) => (a.source < b.source ? -1 : 1));
    },

    async deleteSource(context, id) {
      const authority = await authorityOf(parts, context);
      const existing = authority.source(id, ...SEEING);
      if (!authority.may('label', existing)) throw new AppError('forbidden');
      await parts.writes.deleteSource(context.caller.tenant, existing.id, existing.revision, changeBy(context));
      parts.mend();
    },
  };
}

function sourceId(text: string): SourceId {
  const id = parseSourceId(text);
  if (id !== undefined) return id;
  const message = 'a source id is 1 to 128 letters, digits, dots, underscores and hyphens';
  throw new AppError('invalid_request', { issues: [{ pointer: '/source', message }] });
}

function readPrincipal(parts: SourceParts, pointer: string, text: string): Principal {
  const found = qualifyPrincipal(text, parts.issuers);
  if (found !== undefined) return found;
  throw new AppError('invalid_request', {
    issues: [{ pointer, message: 'must name a principal, issuer included where there are several' }],
  });
}

/** Bounded like a document's ACL, since it stands beside it in every decision. */
function readCeiling(parts: SourceParts, names: readonly string[]): Source['ceiling'] {
  if (names.length > MAX_ACL_ENTRIES) {
    throw new AppError('limit_exceeded', { issues: [{ pointer: '/ceiling', message: `at most ${MAX_ACL_ENTRIES} entries` }] });
  }
  return { kind: 'gate', principals: names.map((name, index) => readPrincipal(parts, `/ceiling/${index}`, name)) };
}

type Scheme = Parameters<typeof readLabel>[0];

function readAttributes(parts: SourceParts, scheme: Scheme, body: SourceBody): SourceAttributes {
  return {
    title: body.title,
    owner: readPrincipal(parts, '/owner', body.owner),
    label: readLabel(scheme, body),
    ceiling: body.ceiling === undefined ? { kind: 'none' } : readCeiling(parts, body.ceiling),
  };
}

function patched(parts: SourceParts, scheme: Scheme, source: Source, patch: SourcePatch): SourceAttributes {
  const { ceiling } = patch;
  return {
    title: patch.title ?? source.title,
    owner: patch.owner === undefined ? source.owner : readPrincipal(parts, '/owner', patch.owner),
    label: readLabel(scheme, patch, source.label),
    ceiling: ceiling === undefined ? source.ceiling : ceiling === null ? { kind: 'none' } : readCeiling(parts, ceiling),
  };
}

function same(source: Source, attributes: SourceAttributes): boolean {
  const facts = ({ title, owner, label, ceiling }: SourceAttributes) =>
    JSON.stringify([title, owner, label.level, label.compartments, label.trust, ceiling.kind === 'gate' ? ceiling.principals : null]);
  return facts(source) === facts(attributes);
}

const KNOWING = SEEING.filter((action) => action !== 'request');

/** The ceiling is an access list: only owners see whom it names. */
function shown(authority: Authority, source: Source): SourceResource | SourceExistence {
  // Who may only ask for access learns that there is something to ask about.
  if (!KNOWING.some((action) => authority.may(action, source))) return { source: source.id, title: source.title };
  const { ceiling: _members, ...rest } = resource(source);
  return authority.may('label', source) ? resource(source) : rest;
}

function resource(source: Source): SourceResource {
  const { label, ceiling } = source;
  return {
    source: source.id,
    title: source.title,
    owner: source.owner,
    level: label.level,
    compartments: label.compartments,
    trust: label.trust,
    ...(ceiling.kind === 'none' ? {} : { ceiling: ceiling.principals }),
    revision: source.revision,
  };
}
