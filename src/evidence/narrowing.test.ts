import { describe, expect, it } from 'vitest';
import type { SourceId } from '../core/ids.ts';
import type { JsonObject } from '../core/json.ts';
import type { AuditKind } from '../core/ports/audit.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import type { Principal } from '../core/principal.ts';
import type { PolicyObject } from '../core/zone.ts';
import { ACME, CALLER, fakePolicy, label, source, view, zone } from '../retrieval/retrieval.fixture.ts';
import { fakeEvidence, stored } from './evidence.fixture.ts';
import { auditRights, narrowedEvent } from './narrowing.ts';
import { readPage } from './pages.ts';
import type { AuditReader } from './reader.ts';

const WIKI = 'wiki' as SourceId;
const VIEW = view(
  [zone(1), zone(2, label('internal')), zone(3, label('public'), WIKI)],
  [source(), source({ id: WIKI, label: label('internal') })],
);

function rightsOver(may: (object: PolicyObject) => boolean) {
  const asked: PolicyObject[] = [];
  const policy: PolicyPort = {
    ...fakePolicy(),
    permits(_view, _caller, _action, object) {
      asked.push(object);
      return may(object) ? { kind: 'permit', rules: [] } : { kind: 'refuse', reason: 'denied' };
    },
  };
  return { asked, rights: auditRights(policy, VIEW, CALLER) };
}

const event = (kind: AuditKind, body: JsonObject) => stored({ tenant: ACME, kind, requestId: 'r', body }, 0);

describe('narrowing', () => {
  it('asks policy about a source and its zones once, however many events speak of them', () => {
    const { asked, rights } = rightsOver(() => true);
    for (let at = 0; at < 1_000; at += 1) {
      expect(narrowedEvent(event('document.deleted', { source: 'handbook' }), rights)).toBeDefined();
      expect(narrowedEvent(event('source.deleted', { source: 'wiki' }), rights)).toBeDefined();
    }
    const refused = rightsOver(() => false);
    for (let at = 0; at < 1_000; at += 1) {
      expect(narrowedEvent(event('document.deleted', { source: 'handbook' }), refused.rights)).toBeUndefined();
    }
    expect([asked.length, refused.asked.length]).toEqual([4, 1]);
  });

  it('does not name members of an ACL, nor find an event by them', async () => {
    const { rights } = rightsOver(({ source: of }) => of === WIKI);
    const body = { by: 'user:idp|olga', source: 'wiki', document: 'd', label: { zone: 3 }, released: ['user:idp|bob'] };
    const changed = event('document.changed', body);
    expect(narrowedEvent(changed, rights)?.body).toEqual({ ...body, released: null });
    const reader = { caller: CALLER, sight: { over: 'some', rights } } as unknown as AuditReader;
    const evidence = { ...fakeEvidence(() => [changed]), ask: async () => ({ events: [changed], size: 1 }) };
    const found = async (subject: string) => {
      const options = { place: { after: -1, before: 1 }, limit: 10, signal: new AbortController().signal };
      return (await readPage(evidence, reader, { subject: subject as Principal }, options)).events.length;
    };
    expect([await found('user:idp|bob'), await found('user:idp|olga')]).toEqual([0, 1]);
  });

  it('does not tell which labels a source had at other times', () => {
    const { rights } = rightsOver(({ source: of }) => of === WIKI);
    const put = { source: 'wiki', revision: 2, owner: 'group:idp|o', label: { before: 'sha256:a', after: 'sha256:b' }, ceiling: 0 };
    expect(narrowedEvent(event('source.put', put), rights)?.body).toEqual({ ...put, label: null });
    expect(narrowedEvent(event('source.put', { ...put, source: 'handbook' }), rights)).toBeUndefined();
  });
});
