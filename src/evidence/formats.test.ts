import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { AUDIT_KINDS } from '../core/ports/audit.ts';
import type { JsonObject } from '../core/json.ts';
import { ACME } from '../retrieval/retrieval.fixture.ts';
import { CSV_HEADER, csvField, csvRecord } from './csv.ts';
import { stored } from './evidence.fixture.ts';
import { ocsfEvent } from './ocsf.ts';

const BODIES: readonly JsonObject[] = [
  {},
  { erased: true },
  {
    user: 'user:test|ada',
    client: 'client:test|chat',
    chunks: [{ source: 's', document: 'd', zone: 1 }],
    label: { level: 'public', compartments: [], trust: 'trusted' },
  },
  { user: null, client: 'client:test|chat' },
  { by: 'user:test|root', through: 'client:test|tool', source: 's', document: 'd' },
  { by: 'user:test|root', through: 'user:test|root', target: 'user:test|ada' },
];

/** Reads RFC 4180, as another program would. */
function parseCsv(text: string): readonly (readonly string[])[] {
  const rows: string[][] = [];
  let [row, field, quoted] = [[] as string[], '', false];
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] ?? '';
    if (quoted) {
      if (char === '"' && text[at + 1] === '"') [field, at] = [`${field}"`, at + 1];
      else if (char === '"') quoted = false;
      else field += char;
    } else if (char === '"') quoted = true;
    else if (char === ',') [row, field] = [[...row, field], ''];
    else if (char === '\r' && text[at + 1] === '\n') {
      rows.push([...row, field]);
      [row, field, at] = [[], '', at + 1];
    } else field += char;
  }
  return rows;
}

describe('csv', () => {
  it('is read back field by field, whatever events hold', () => {
    const text = fc.string({ unit: 'grapheme' });
    fc.assert(
      fc.property(text, text, fc.dictionary(text, fc.jsonValue()), (request, document, more) => {
        const body = { ...(more as JsonObject), source: 's', document };
        const [header = [], record = [], ...rest] = parseCsv(
          `${CSV_HEADER}${csvRecord(stored({ tenant: ACME, kind: 'release', requestId: request, body }, 3))}`,
        );
        expect(rest).toEqual([]);
        expect(record).toHaveLength(header.length);
        expect(JSON.parse(record[header.indexOf('body')] ?? '')).toEqual(JSON.parse(JSON.stringify(body)));
        const bare = (name = ''): string => name.replaceAll(/(^|;)'/g, '$1');
        expect(bare(record[header.indexOf('request')])).toBe(bare(request));
      }),
    );
  });

  it('holds no formula', () => {
    for (const hostile of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', ' =1', '\u200b=1', '\uff1d1', '=cmd|"/c calc"!A1']) {
      const [[field = ''] = []] = parseCsv(`${csvField(hostile)}\r\n`);
      expect(field.startsWith("'"), hostile).toBe(true);
      expect(field.slice(1)).toBe(hostile);
    }
    // Split at semicolons, as a spreadsheet does in half of Europe, whose quotes stand inside fields then.
    const body = { user: 'user:test|a;=1+1', source: 's', document: 'd; +2', note: ';@x' };
    const record = csvRecord(stored({ tenant: ACME, kind: 'intent', requestId: 'r;-1', body }, 3));
    for (const field of record.split(';').slice(1)) expect(field).toMatch(/^'/);
    expect(record.split(';')).toHaveLength(3);
    expect(JSON.parse(parseCsv(record)[0]?.at(-1) ?? '')).toEqual(body);
    for (const plain of ['user:test|ada', 'a;b', '["s/d"]', '2026-01-01T00:00:00.000Z', '12', ''])
      expect(parseCsv(`${csvField(plain)}\r\n`)).toEqual([[plain]]);
  });
});

/** What version 1.3.0 of the schema requires of the two classes, and which numbers it has for them. */
const base = {
  activity_name: z.string().min(1),
  severity_id: z.union([z.literal(1), z.literal(3)]),
  status_id: z.union([z.literal(1), z.literal(2)]),
  time: z.int().positive(),
  metadata: z.strictObject({
    version: z.literal('1.3.0'),
    product: z.strictObject({ name: z.string(), vendor_name: z.string() }),
    log_name: z.string(),
    event_code: z.string(),
    correlation_uid: z.string(),
    uid: z.string(),
    sequence: z.int(),
  }),
  // At least one of these.
  actor: z
    .strictObject({ user: z.strictObject({ uid: z.string().min(1) }).optional(), app_uid: z.string().min(1).optional() })
    .refine(({ user, app_uid: application }) => user !== undefined || application !== undefined),
  unmapped: z.record(z.string(), z.json()),
} as const;
const activity = z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4), z.literal(99)]);
const ocsf = z
  .discriminatedUnion('class_uid', [
    z.strictObject({
      ...base,
      class_uid: z.literal(6003),
      class_name: z.literal('API Activity'),
      category_uid: z.literal(6),
      category_name: z.literal('Application Activity'),
      activity_id: activity,
      type_uid: z.int(),
      api: z.strictObject({
        operation: z.string().min(1),
        service: z.strictObject({ name: z.string() }),
        request: z.strictObject({ uid: z.string() }),
      }),
      src_endpoint: z.strictObject({ svc_name: z.string().min(1) }),
      resources: z.array(z.strictObject({ uid: z.string(), type: z.string() })).optional(),
    }),
    z.strictObject({
      ...base,
      class_uid: z.literal(3004),
      class_name: z.literal('Entity Management'),
      category_uid: z.literal(3),
      category_name: z.literal('Identity & Access Management'),
      activity_id: activity,
      type_uid: z.int(),
      entity: z.strictObject({ type: z.string(), uid: z.string().min(1) }),
    }),
  ])
  .refine(({ class_uid: of, activity_id: id, type_uid: type }) => type === of * 100 + id);

describe('ocsf', () => {
  it.each(AUDIT_KINDS)('gives %s what its class requires', (kind) => {
    for (const body of BODIES) {
      const event = ocsfEvent(stored({ tenant: ACME, kind, requestId: 'r', body }, 7));
      expect(ocsf.safeParse(event).error?.issues ?? []).toEqual([]);
      expect(event).toMatchObject({ metadata: { event_code: kind, sequence: 7 }, unmapped: { tenant: ACME, body } });
    }
  });

  it('names who was shown what', () => {
    const [, , release] = BODIES;
    expect(ocsfEvent(stored({ tenant: ACME, kind: 'release', requestId: 'r', body: release ?? {} }, 0))).toMatchObject({
      class_uid: 6003,
      activity_name: 'Read',
      actor: { user: { uid: 'user:test|ada' }, app_uid: 'client:test|chat' },
      resources: [{ uid: 's/d', type: 'document' }],
    });
  });
});
