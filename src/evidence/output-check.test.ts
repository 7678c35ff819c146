import { describe, expect, it } from 'vitest';
import type { Caller } from '../core/caller.ts';
import { digestOf } from '../core/digest.ts';
import { AppError } from '../core/errors.ts';
import type { ChunkId, SourceId, TenantId, ZoneId } from '../core/ids.ts';
import { labelScheme, type Level } from '../core/label.ts';
import { DEFAULT_OUTPUT_POLICY, type OutputRule } from '../core/output-policy.ts';
import type { AuditEvent, Opened, OpenedSealed, StoredAuditEvent } from '../core/ports/audit.ts';
import type { Candidate } from '../core/ports/candidate.ts';
import type { TenantView } from '../core/ports/catalog.ts';
import { silentTelemetry } from '../core/ports/telemetry.ts';
import type { Principal } from '../core/principal.ts';
import type { Source, Zone } from '../core/zone.ts';
import { checkOutput, type OutputParts } from './output-check.ts';
import { createStages } from './stages.ts';

const TENANT = 'acme' as TenantId;
const scheme = labelScheme(['public', 'internal', 'restricted']);
const TEXT = 'Parental leave is twelve weeks for everybody who works here, at any time.';
const VERSION = `sha256:${'0'.repeat(64)}`;
const TAG = `"v":1,"document":{"id":"d","version":"${VERSION}"}`;

const caller: Caller = {
  tenant: TENANT,
  issuer: 'test',
  user: { kind: 'user', principal: 'user:test|anna' as Principal, groups: [], guest: false },
  client: 'client:test|app' as Principal,
  actor: { kind: 'none' },
  actorChain: [],
  scopes: new Set(['retrieve']),
  tokenDigest: 'd',
  expiresAt: 0,
};
const source: Source = {
  tenant: TENANT,
  id: 's' as SourceId,
  title: 'S',
  owner: 'everyone' as Principal,
  label: { level: 'internal' as Level, compartments: [], trust: 'trusted' },
  ceiling: { kind: 'none' },
  revision: 1,
  state: 'live',
};
const zone: Zone = { id: 1 as ZoneId, source: source.id, declared: { level: 'public' as Level, compartments: [], trust: 'trusted' } };
const release: StoredAuditEvent = {
  tenant: TENANT,
  kind: 'release',
  requestId: 'r',
  index: 7,
  leaf: '',
  at: '2026-01-01T00:00:00.000Z',
  body: {
    user: 'user:test|anna',
    client: 'client:test|app',
    label: { level: 'internal', compartments: ['people'], trust: 'trusted' },
    chunks: [{ chunk: 'c', rank: 1, source: 's', document: 'd', zone: 1 }],
  },
};

interface World {
  readonly sealed?: Opened | 'none';
  readonly candidate?: Pick<Candidate, 'text' | 'version'>;
  readonly zones?: readonly Zone[];
  readonly rules?: readonly OutputRule[];
  readonly fails?: true;
}

function partsOf({ sealed = 'none', candidate, zones = [zone], rules = [], fails }: World): {
  readonly parts: OutputParts;
  readonly written: AuditEvent[];
} {
  const written: AuditEvent[] = [];
  const view = {
    tenant: TENANT,
    scheme,
    sources: new Map([[source.id, source]]),
    zones: new Map(zones.map((one) => [one.id, one])),
    off: { everything: false, sources: new Set(), principals: new Set() },
    collections: new Map(),
  } as unknown as TenantView;
  const opened: OpenedSealed | undefined =
    sealed === 'none' ? undefined : { facts: { kind: 'open', content: {} }, answer: { kind: 'none' }, texts: [sealed] };
  const candidates = new Map(candidate === undefined ? [] : [['c' as ChunkId, candidate as Candidate]]);
  const parts: OutputParts = {
    catalog: {
      epoch: () => Promise.resolve({ kind: 'epoch', stamp: { tenant: 1, global: 1, generation: 1 } }),
      view: () => Promise.resolve(view),
      resolve: (one) => Promise.resolve(one),
      numbers: () => Promise.resolve(new Map()),
      candidates: () => Promise.resolve({ at: 0, candidates }),
    },
    audit: {
      byRequest: () => Promise.resolve([release, ...written.map((event) => ({ ...event, index: 8, leaf: '', at: release.at }))]),
      append(event) {
        if (fails) return Promise.reject(new AppError('audit_unavailable'));
        written.push(event);
        return Promise.resolve({ index: 8, leaf: '' });
      },
    },
    sealed: { sealed: () => Promise.resolve(opened), erasures: () => Promise.resolve(0) },
    clock: { now: () => Date.parse(release.at) },
    windowMs: 1_000,
    markers: { honeyMarkers: () => Promise.resolve([]) },
    policy: { ...DEFAULT_OUTPUT_POLICY, rules },
    watch: { bait() {} },
    telemetry: silentTelemetry,
    seed: () => 0.5,
  };
  return { parts, written };
}

const check = (world: World) => checkOutput(partsOf(world).parts, caller, 'r', TEXT);
const ANY = { level: undefined, compartments: undefined, trust: undefined } as const;

describe('the text of a released chunk', () => {
  it('is that of the sealed record, also where the catalog has another or none', async () => {
    const sealed: Opened = { kind: 'open', content: { text: TEXT, tag: TAG } };
    for (const candidate of [undefined, { text: 'Something else.', version: VERSION as Candidate['version'] }]) {
      const world = candidate === undefined ? { sealed } : { sealed, candidate };
      expect((await check(world)).findings).toMatchObject({ quoted: [{ chunk: 'c' }], unreadable: [] });
    }
  });

  it('is asked of the catalog only for a release without a sealed record', async () => {
    const candidate = { text: TEXT, version: VERSION as Candidate['version'] };
    expect((await check({ candidate })).findings).toMatchObject({ quoted: [{ chunk: 'c' }], unreadable: [] });
    expect((await check({})).findings).toMatchObject({ quoted: [], unreadable: ['c'] });
    const gone: readonly Opened[] = [
      { kind: 'erased', index: 1 },
      { kind: 'damaged' },
      { kind: 'open', content: {} },
      { kind: 'open', content: { text: TEXT } },
      { kind: 'open', content: { text: TEXT, tag: '"document":{}' } },
    ];
    for (const sealed of gone) expect((await check({ sealed, candidate })).findings).toMatchObject({ quoted: [], unreadable: ['c'] });
  });
});

describe('the label that rules are about', () => {
  const candidate = { text: TEXT, version: VERSION as Candidate['version'] };
  const decision = async (rule: Partial<OutputRule>, zones?: readonly Zone[]): Promise<string> => {
    const rules: readonly OutputRule[] = [{ ...ANY, finding: 'quote', action: 'block', ...rule }];
    return (await check({ candidate, rules, ...(zones === undefined ? {} : { zones }) })).decision;
  };

  it('is the effective one of the zone, as it is now', async () => {
    expect(await decision({ level: 'internal' as Level })).toBe('block');
    expect(await decision({ level: 'restricted' as Level })).toBe('allow');
    expect(await decision({ trust: 'internal' })).toBe('allow');
  });

  it('is the most that it may be where the zone is gone, or is another source’s', async () => {
    for (const zones of [[], [{ ...zone, source: 'other' as SourceId }]]) {
      expect(await decision({ level: 'restricted' as Level }, zones)).toBe('block');
      expect(await decision({ compartments: ['people'] }, zones)).toBe('block');
      expect(await decision({ trust: 'external' }, zones)).toBe('block');
    }
  });
});

describe('a report or a check', () => {
  it('is answered only once it is in the log', async () => {
    await expect(check({ fails: true })).rejects.toMatchObject({ code: 'audit_unavailable' });
    const { parts } = partsOf({ fails: true });
    const report = { stage: 'cited', requestId: 'r', chunks: ['c'], prompt: { kind: 'none' } } as const;
    await expect(createStages(parts).report(caller, report)).rejects.toMatchObject({ code: 'audit_unavailable' });
  });

  it('seals what would link to its caller, and the digest of a prompt with every text in it', async () => {
    const { parts, written } = partsOf({ sealed: { kind: 'open', content: { text: TEXT, tag: TAG } } });
    const report = { stage: 'admitted', requestId: 'r', chunks: ['c'], prompt: { kind: 'text', text: TEXT } } as const;
    expect(await createStages(parts).report(caller, report)).toMatchObject({ recorded: true });
    const [event] = written;
    expect(event?.sealed).toMatchObject({ holder: 'user:test|anna', answer: { promptDigest: digestOf(TEXT) } });
    expect(event?.sealed?.texts?.map(({ source: of, document, version, content }) => [of, document, version, content()])).toEqual([
      ['s', 'd', VERSION, {}],
    ]);
    expect(event?.body).toMatchObject({ user: { '@person': 'user:test|anna' }, prompt: 'sealed' });
    expect(JSON.stringify(event?.body)).not.toContain('sha256');
  });

  it('keeps no digest of a prompt where one of its texts is gone', async () => {
    const { parts, written } = partsOf({ sealed: { kind: 'erased', index: 1 } });
    const report = { stage: 'admitted', requestId: 'r', chunks: ['c'], prompt: { kind: 'text', text: TEXT } } as const;
    await createStages(parts).report(caller, report);
    expect(written[0]?.body).toMatchObject({ prompt: 'erased' });
    expect(JSON.stringify(written[0])).not.toContain('sha256');
    expect(await createStages(parts).report(caller, report)).toMatchObject({ recorded: false });
  });
});
