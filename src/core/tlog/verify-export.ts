import { createHash, type Hash } from 'node:crypto';
import { parseLine, type ExportHeader, type ExportLine } from './export-form.ts';
import { createFindings, type Finding, type Findings } from './export-findings.ts';
import { createExportBody, type ExportBody } from './export-body.ts';
import { MAX_LINE, splitLines } from './lines.ts';
import type { NoteVerifier } from './note-keys.ts';
import { openCheckpoint } from './signed-head.ts';
import type { TreeHead } from './checkpoint.ts';

export interface VerifyOptions {
  /** A checkpoint from outside: a signed note. */
  readonly checkpoint: string;
  /** Of the log, and of witnesses where their signatures are wanted. */
  readonly keys: readonly NoteVerifier[];
  /** For a checkpoint whose size lies outside the export: between it and a size within. */
  readonly consistency?: ConsistencyLink;
  /** Also that each event is in canonical JSON: that it says the same to every reader. Slower. */
  readonly canonical?: boolean;
  /** Also that the maps of sub-logs are made of these events. Needs the whole log, and memory for each sub-log; and that each event is in canonical JSON, as
   * what its lists are made from. Slower. */
  readonly complete?: boolean;
}

/** An RFC 6962 consistency proof. */
export interface ConsistencyLink {
  readonly from: number;
  readonly to: number;
  readonly hashes: readonly Uint8Array[];
}

export interface ExportReport {
  /** Nothing was found. */
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  /** Found and not listed. */
  readonly more: number;
  readonly origin: string | undefined;
  readonly tenant: string | undefined;
  /** Positions [from, to) that the export says it holds. */
  readonly from: number;
  readonly to: number;
  /** Size of the tree of the checkpoint given. */
  readonly size: number | undefined;
  /** Lines that stand for events. */
  readonly events: number;
  /** Checkpoints in the export whose signature and root are right. */
  readonly checkpoints: number;
  /** How many events the last map that was made anew holds; 0 where none was. */
  readonly mapsUpTo: number;
}

export interface ExportVerifier {
  /** Is written to while it is read, and left as it was. */
  push(chunk: Uint8Array): void;
  end(): ExportReport;
}

/** What all parts of a verification share. */
export interface Verification {
  readonly options: VerifyOptions;
  readonly findings: Findings;
  /** What the checkpoint given says; undefined where it is none. */
  readonly trusted: TreeHead | undefined;
}

/** Verifies an export as it streams by, with one checkpoint and the log's keys and nothing else. Never throws for what the export holds. */
export function createExportVerifier(options: VerifyOptions): ExportVerifier {
  const findings = createFindings();
  const opened = openCheckpoint(options.checkpoint, options.keys, undefined);
  if (opened.kind === 'fault') findings.add({ kind: 'checkpoint', line: 0, reason: opened.reason, ...sizeOf(opened) });
  const trusted = opened.kind === 'signed' ? opened.head : undefined;
  const state: State = {
    shared: { options, findings, trusted },
    digest: createHash('sha256'),
    body: undefined,
    line: 0,
    ended: false,
    dead: false,
  };
  const lines = splitLines((bytes, start, end) => takeLine(state, bytes, start, end));
  return {
    push: (chunk) => lines.push(chunk),
    end: () => {
      const { whole } = lines.end();
      return finish(state, whole);
    },
  };
}

interface State {
  readonly shared: Verification;
  /** Over all lines that are not events. */
  readonly digest: Hash;
  body: ExportBody | undefined;
  line: number;
  ended: boolean;
  /** The first line is none of ours, so nothing after it can be placed. */
  dead: boolean;
}

const EVENT = Buffer.from('{"at":');
/** Of a line that is no event: a note has at most a mebibyte, in JSON up to six. */
const MAX_OTHER = 8 * 1_048_576;
const NEWLINE = Uint8Array.of(0x0a);
/** How the lines begin that are no events. */
const OTHERS = ['{"export"', '{"tile"', '{"checkpoint"', '{"proof"', '{"erased"', '{"end"'].map((text) => Buffer.from(text));

function takeLine(state: State, bytes: Uint8Array, start: number, end: number): void {
  state.line += 1;
  const { findings } = state.shared;
  if (state.dead) return;
  if (state.ended) {
    findings.add({ kind: 'surplus', line: state.line });
    state.dead = true;
    return;
  }
  // Of such a line only the beginning was hashed: what else it says, nobody signed.
  if (end - start > MAX_LINE) findings.add({ kind: 'bad-line', line: state.line });
  if (state.body === undefined) {
    open(state, bytes, start, end);
    return;
  }
  if (begins(bytes, start, EVENT) || !OTHERS.some((other) => begins(bytes, start, other))) {
    state.body.event(bytes, start, end, state.line);
    return;
  }
  const parsed = end - start > MAX_OTHER ? undefined : parseLine(textOf(bytes, start, end));
  if (parsed === undefined || parsed.kind === 'header') findings.add({ kind: 'bad-line', line: state.line });
  if (parsed?.kind === 'end') closeWith(state, parsed.digest);
  else digest(state, bytes, start, end);
  if (parsed !== undefined) state.body.other(parsed, state.line);
}

function open(state: State, bytes: Uint8Array, start: number, end: number): void {
  const parsed: ExportLine | undefined = end - start > MAX_OTHER ? undefined : parseLine(textOf(bytes, start, end));
  state.body = parsed?.kind === 'header' ? openBody(state.shared, parsed) : undefined;
  if (state.body === undefined) {
    state.shared.findings.add({ kind: 'not-an-export', line: 1 });
    state.dead = true;
  }
  digest(state, bytes, start, end);
}

function openBody(shared: Verification, header: ExportHeader): ExportBody | undefined {
  const { findings, trusted } = shared;
  if (trusted !== undefined && trusted.origin !== header.origin) {
    findings.add({ kind: 'other-log', expected: trusted.origin, found: header.origin });
  }
  return createExportBody(shared, header);
}

function digest(state: State, bytes: Uint8Array, start: number, end: number): void {
  state.digest.update(bytes.subarray(start, end)).update(NEWLINE);
}

function closeWith(state: State, claimed: string): void {
  state.ended = true;
  // Where a line is damaged that is found by itself; this finds what nothing else would, such as a witness's signature.
  const { findings } = state.shared;
  if (state.digest.digest('hex') !== claimed && findings.count() === 0) findings.add({ kind: 'digest', line: state.line });
}

function finish(state: State, whole: boolean): ExportReport {
  const { findings, trusted } = state.shared;
  if (state.line === 0) findings.add({ kind: 'not-an-export', line: 1 });
  const summary = state.body?.finish(state.ended && (whole || state.dead));
  return {
    ok: findings.count() === 0,
    findings: findings.list(),
    more: findings.more(),
    origin: summary?.origin ?? trusted?.origin,
    tenant: summary?.tenant,
    from: summary?.from ?? 0,
    to: summary?.to ?? 0,
    size: trusted?.size,
    events: summary?.events ?? 0,
    checkpoints: summary?.checkpoints ?? 0,
    mapsUpTo: summary?.mapsUpTo ?? 0,
  };
}

function begins(bytes: Uint8Array, start: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i += 1) if (bytes[start + i] !== wanted[i]) return false;
  return true;
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}

function sizeOf({ size }: { readonly size?: number }): { readonly size?: number } {
  return size === undefined ? {} : { size };
}
