import { describe, expect, it } from 'vitest';
import { digestOf } from '../core/digest.ts';
import type { ChunkId, DocumentId, DocumentKey, SourceId, TenantId, ZoneId } from '../core/ids.ts';
import type { Level } from '../core/label.ts';
import type { Candidate } from '../core/ports/candidate.ts';
import type { TagInput } from '../core/ports/provenance.ts';
import type { Principal } from '../core/principal.ts';
import { createProvenance } from './provenance.ts';

const SECRET = 'group:acme|people-partners' as Principal;
const candidate: Candidate = {
  chunk: 'c' as ChunkId,
  state: 'live',
  honey: false,
  key: 'k' as DocumentKey,
  source: 'people-handbook' as SourceId,
  document: 'leave.md' as DocumentId,
  zone: 3 as ZoneId,
  acl: { gates: [[SECRET]], deny: [SECRET] },
  aclVersion: 7,
  validFrom: 'always',
  validUntil: 'forever',
  title: 'Leave',
  uri: 'https://example.test/leave',
  version: digestOf('file'),
  text: 'Parental leave is 26 weeks.',
  span: { start: 10, end: 37, path: ['Leave', 'Parental leave'] },
  digest: digestOf('what the database says it is'),
  removed: { tag: 0, bidi: 0, zeroWidth: 2 },
  lineage: { run: 'r', connector: 'filesystem@1', parser: 'p', chunker: 'c', embedding: 'e', indexedAt: '2026-01-01T00:00:00.000Z' },
};
const input: TagInput = {
  candidate,
  source: {
    tenant: 'acme' as TenantId,
    id: candidate.source,
    title: 'People handbook',
    owner: 'group:acme|people' as Principal,
    label: { level: 'internal' as Level, compartments: [], trust: 'internal' },
    ceiling: { kind: 'gate', principals: [SECRET] },
    revision: 1,
    state: 'live',
  },
  label: { level: 'confidential' as Level, compartments: ['people'], trust: 'internal' },
  policyRevision: 'rev-1',
  rules: ['line:4', 'line:9'],
  at: Date.UTC(2026, 0, 2),
};
const { tag } = createProvenance({ random: () => new Uint8Array(16) });

describe('tag', () => {
  it('says where the chunk came from, what it is and why it was released', () => {
    expect(tag(input)).toEqual({
      v: 1,
      source: { id: 'people-handbook', title: 'People handbook', owner: 'group:acme|people' },
      document: { id: 'leave.md', version: candidate.version, title: 'Leave', uri: 'https://example.test/leave' },
      span: { start: 10, end: 37, unit: 'utf16', path: ['Leave', 'Parental leave'] },
      digest: digestOf(candidate.text),
      normalised: { removed: { tag: 0, bidi: 0, zeroWidth: 2 } },
      lineage: candidate.lineage,
      label: { level: 'confidential', compartments: ['people'], trust: 'internal' },
      decision: { policyRevision: 'rev-1', rules: ['line:4', 'line:9'], aclVersion: 7, at: '2026-01-02T00:00:00.000Z' },
    });
  });

  it('names no member of an ACL or a ceiling, though it names the owner', () => {
    const text = JSON.stringify(tag(input));
    expect(text).not.toContain(SECRET);
    expect(text).toContain('group:acme|people"');
  });

  it('leaves out a uri that is not there', () => {
    expect(tag({ ...input, candidate: { ...candidate, uri: undefined } }).document).not.toHaveProperty('uri');
  });
});
