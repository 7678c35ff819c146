import { isUtf8 } from 'node:buffer';
import { isCanonicalEvent } from './canonical-event.ts';
import { eventLineReader, type EventLineReader } from './event-line.ts';
import { EventStretch, MAX_STRETCH } from './event-stretch.ts';
import { createErasures, type Erasures } from './export-erasures.ts';
import type { ExportHeader, ExportLine } from './export-form.ts';
import { createSettlement, type Settlement } from './export-settlement.ts';
import { createFrontier, peaksFit } from './frontier.ts';
import { HASH_SIZE, sameHash } from './merkle.ts';
import { createRebuiltMap, type RebuiltMap } from './rebuilt-map.ts';
import { openCheckpoint } from './signed-head.ts';
import { TILE_WIDTH } from './tiles.ts';
import type { Verification } from './verify-export.ts';

export interface ExportSummary {
  readonly origin: string;
  readonly tenant: string;
  readonly from: number;
  readonly to: number;
  readonly events: number;
  readonly checkpoints: number;
  readonly mapsUpTo: number;
}

/** What stands between the first line and the last. */
export interface ExportBody {
  event(bytes: Uint8Array, start: number, end: number, line: number): void;
  other(parsed: ExportLine, line: number): void;
  /** `ended`: the last line was read whole. */
  finish(ended: boolean): ExportSummary;
}

interface Body {
  readonly shared: Verification;
  readonly header: ExportHeader;
  readonly reader: EventLineReader;
  readonly stretch: EventStretch;
  readonly settlement: Settlement;
  readonly erasures: Erasures;
  /** Undefined where maps are not wanted, and from where they can no longer be made. */
  map: RebuiltMap | undefined;
  /** The tile that was read last. */
  tile: number | undefined;
  proof: { readonly size: number; readonly hashes: readonly Uint8Array[] } | undefined;
  events: number;
}

/** Undefined where the first line contradicts itself. */
export function createExportBody(shared: Verification, header: ExportHeader): ExportBody | undefined {
  const { from, to, origin, tenant, peaks } = header;
  if (!peaksFit({ size: from, hashes: peaks })) return undefined;
  const map = shared.options.complete === true && from === 0 ? createRebuiltMap() : undefined;
  const body: Body = {
    shared,
    header,
    reader: eventLineReader(tenant),
    stretch: new EventStretch(from),
    settlement: createSettlement(shared, header, map),
    erasures: createErasures(shared.findings),
    map,
    tile: undefined,
    proof: undefined,
    events: 0,
  };
  return {
    event: (bytes, start, end, line) => takeEvent(body, bytes, start, end, line),
    other: (parsed, line) => takeOther(body, parsed, line),
    finish(ended) {
      if (ended) jump(body, to);
      else closeTruncated(body);
      body.erasures.finish();
      body.settlement.finish(ended);
      const { settlement, events } = body;
      return { origin, tenant, from, to, events, checkpoints: settlement.checkpoints(), mapsUpTo: settlement.mapsUpTo() };
    },
  };
}

function takeEvent(body: Body, bytes: Uint8Array, start: number, end: number, line: number): void {
  const { stretch, reader, erasures, shared } = body;
  makeRoom(body);
  const index = reached(body);
  const says = reader.indexOf(bytes, start, end);
  const leaf = stretch.addLine(bytes, start, end, line, says);
  body.events += 1;
  const text = (): string => Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
  if (erasures.waits() && says === index) erasures.meet(reader.kindOf(bytes, start, end), text);
  const exact = shared.options.canonical === true || shared.options.complete === true;
  if (exact && !(isUtf8(bytes.subarray(start, end)) && isCanonicalEvent(text())))
    shared.findings.add({ kind: 'not-canonical', index, line });
  if (body.map !== undefined && !(stretch.orderly && says === body.map.size() && body.map.add(text(), leaf))) body.map = undefined;
  closeWhereAwaited(body);
}

function takeOther(body: Body, parsed: ExportLine, line: number): void {
  switch (parsed.kind) {
    case 'erased':
      makeRoom(body);
      body.stretch.addLeaf(parsed.leaf, line, parsed.index);
      body.erasures.claim(parsed.index, line);
      body.events += 1;
      // What stood in it is not known, so neither are the sub-logs that it stands in.
      body.map = undefined;
      closeWhereAwaited(body);
      return;
    case 'tile':
      takeTile(body, parsed.index, parsed.hashes, line);
      return;
    case 'checkpoint':
      takeCheckpoint(body, parsed.note, line);
      return;
    case 'proof':
      jump(body, body.header.to);
      body.proof = { size: parsed.size, hashes: parsed.hashes };
      return;
    case 'header':
    case 'end':
      return;
  }
}

function takeTile(body: Body, index: number, hashes: Buffer, line: number): void {
  const { shared, header, stretch } = body;
  const { from, to } = header;
  const begin = Math.max(from, index * TILE_WIDTH);
  const expected = body.tile === undefined ? Math.floor(from / TILE_WIDTH) : body.tile + 1;
  if (index < expected || begin < stretch.from || begin >= to) {
    shared.findings.add({ kind: 'tile', tile: index, line });
    return;
  }
  if (index > expected) shared.findings.add({ kind: 'tile', tile: expected, line });
  jump(body, begin);
  body.tile = index;
  stretch.expect({ from: index * TILE_WIDTH, hashes });
  if (hashes.length !== Math.min(TILE_WIDTH, to - index * TILE_WIDTH) * HASH_SIZE) shared.findings.add({ kind: 'tile', tile: index, line });
  else if (begin > index * TILE_WIDTH && !peaksEndIn(header, hashes)) shared.findings.add({ kind: 'peaks', line });
}

/** The hashes of the first tile before the range are those that the last peaks were made of. */
function peaksEndIn({ from, peaks }: ExportHeader, hashes: Buffer): boolean {
  const tree = createFrontier();
  for (let i = 0; i < from % TILE_WIDTH; i += 1) tree.append(hashes.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE));
  const made = tree.peaks().hashes;
  return made.every((hash, i) => sameHash(hash, peaks[peaks.length - made.length + i] ?? new Uint8Array()));
}

function takeCheckpoint(body: Body, note: string, line: number): void {
  const { shared, header, settlement, stretch } = body;
  const opened = openCheckpoint(note, shared.options.keys, header.origin);
  if (opened.kind === 'fault') {
    shared.findings.add({ kind: 'checkpoint', line, reason: opened.reason, ...(opened.size === undefined ? {} : { size: opened.size }) });
    return;
  }
  const { head } = opened;
  if (head.size > header.to && body.proof?.size === head.size) {
    settlement.settleBeyond(head, body.proof.hashes, line);
    return;
  }
  // Within the tile that is being read it may stand too early or too late, where an event was dropped or inserted before it.
  const endOfTile = Math.min(header.to, ((body.tile ?? -1) + 1) * TILE_WIDTH);
  if (head.size < stretch.from || (head.size !== reached(body) && head.size > endOfTile)) {
    shared.findings.add({ kind: 'checkpoint', line, reason: 'order', size: head.size });
    return;
  }
  closeAt(body, head.size);
  settlement.settle(head, line);
}

/** The position of the next line of an event, where all is in order. */
function reached({ stretch }: Body): number {
  return stretch.from + stretch.count;
}

/** A stretch that gets too long has lost its tiles: it is closed by what it holds. */
function makeRoom(body: Body): void {
  if (body.stretch.count >= MAX_STRETCH) closeAt(body, Math.min(body.header.to, reached(body)));
}

function closeWhereAwaited(body: Body): void {
  if (body.stretch.orderly && body.settlement.waitsFor(reached(body))) closeAt(body, reached(body));
}

function closeAt({ stretch, settlement }: Body, to: number): void {
  const positional = stretch.count === to - stretch.from;
  const misfits = stretch.close(to, settlement.trees, settlement);
  settlement.misfits(misfits, positional);
  if (settlement.waitsFor(to)) settlement.arrive();
}

/** To a place that may lie far ahead, where more was dropped than one tile. */
function jump(body: Body, to: number): void {
  const { stretch, settlement, shared } = body;
  if (to - stretch.from > MAX_STRETCH) {
    closeAt(body, Math.min(to, reached(body)));
    const gap = to - stretch.from;
    if (gap <= 0) return;
    shared.findings.add({ kind: 'dropped', index: stretch.from, count: gap });
    settlement.trees.lose(gap);
    stretch.skip(to);
  } else if (to >= stretch.from) {
    closeAt(body, to);
  }
}

function closeTruncated(body: Body): void {
  const index = Math.min(body.header.to, reached(body));
  body.shared.findings.add({ kind: 'truncated', index });
  closeAt(body, index);
}
