import type { Misfit } from './align-events.ts';
import { mapRootOf, type TreeHead } from './checkpoint.ts';
import type { ExportHeader } from './export-form.ts';
import { createExportTrees, isHash, type ExportTrees } from './export-trees.ts';
import { sameHash } from './merkle.ts';
import { verifyConsistency } from './proofs.ts';
import type { RebuiltMap } from './rebuilt-map.ts';
import { TILE_WIDTH } from './tiles.ts';
import type { ConsistencyLink, Verification } from './verify-export.ts';

/** Compares the tree of an export with signed roots, and decides by them whether events or tiles are to be believed. */
export interface Settlement {
  readonly trees: ExportTrees;
  /** Sizes at which `arrive` wants to be called. */
  waitsFor(size: number): boolean;
  /** The trees have a size that is waited for: that of the checkpoint given. */
  arrive(): void;
  /** What does not fit its tile. `positional`: there were as many lines as positions, so it may be the tile that lies. */
  misfits(found: readonly Misfit[], positional: boolean): void;
  /** A checkpoint of the size that the trees have. */
  settle(head: TreeHead, line: number): void;
  /** A checkpoint beyond the end, and the proof that should lead to it. */
  settleBeyond(head: TreeHead, proof: readonly Uint8Array[], line: number): void;
  finish(ended: boolean): void;
  checkpoints(): number;
  mapsUpTo(): number;
}

interface State {
  readonly shared: Verification;
  readonly header: ExportHeader;
  readonly trees: ExportTrees;
  readonly map: RebuiltMap | undefined;
  /** Since the last root that agreed, and not yet believed: the tile may lie instead. */
  provisional: Misfit[];
  /** Size of the last root that agreed. */
  agreed: number;
  /** Whether the last root did not. */
  forked: boolean;
  reached: boolean;
  checkpoints: number;
  mapsUpTo: number;
}

const MAX_PROVISIONAL = 10_000;

export function createSettlement(shared: Verification, header: ExportHeader, map: RebuiltMap | undefined): Settlement {
  const trees = createExportTrees({ size: header.from, hashes: header.peaks });
  const state: State = {
    shared,
    header,
    trees,
    map,
    provisional: [],
    agreed: -1,
    forked: false,
    reached: false,
    checkpoints: 0,
    mapsUpTo: 0,
  };
  const trusted = shared.trusted?.origin === header.origin ? shared.trusted : undefined;
  const meeting = trusted === undefined ? undefined : meetingOf(trusted, header, shared.options.consistency);
  const settlement: Settlement = {
    trees,
    waitsFor: (size) => meeting?.size === size,
    arrive() {
      if (trusted === undefined || meeting === undefined || state.reached || trees.size() !== meeting.size) return;
      state.reached = true;
      if (judge(state, meeting.isRoot, trusted.size, 0)) checkMap(state, trusted, 0);
    },
    misfits(found, positional) {
      for (const misfit of found) {
        if (positional && state.provisional.length < MAX_PROVISIONAL) state.provisional.push(misfit);
        else shared.findings.add(misfit);
      }
    },
    settle(head, line) {
      if (!judge(state, isHash(head.root), head.size, line)) return;
      state.checkpoints += 1;
      checkMap(state, head, line);
    },
    settleBeyond: (head, proof, line) => settleBeyond(state, head, proof, line),
    finish: (ended) => finish(state, trusted, ended),
    checkpoints: () => state.checkpoints,
    mapsUpTo: () => state.mapsUpTo,
  };
  settlement.arrive();
  return settlement;
}

/** Where the export meets the checkpoint given: at its size, or at the other end of a proof. */
function meetingOf(
  trusted: TreeHead,
  { from, to }: ExportHeader,
  link: ConsistencyLink | undefined,
): { readonly size: number; readonly isRoot: (root: Uint8Array) => boolean } {
  if (link?.to === trusted.size && trusted.size > to) {
    const size = link.from;
    return { size, isRoot: (root) => verifyConsistency({ size, root }, trusted, link.hashes) };
  }
  if (link?.from === trusted.size && trusted.size < from) {
    const size = link.to;
    return { size, isRoot: (root) => verifyConsistency(trusted, { size, root }, link.hashes) };
  }
  return { size: trusted.size, isRoot: isHash(trusted.root) };
}

/** Whether anything in the export leads to this root. */
function judge(state: State, isRoot: (root: Uint8Array) => boolean, size: number, line: number): boolean {
  const { trees, shared } = state;
  const agreement = trees.settle(isRoot);
  const found = state.provisional;
  state.provisional = [];
  if (agreement === 'events') {
    const tiles = new Set(found.flatMap((misfit) => (misfit.kind === 'false-event' ? [] : [Math.floor(misfit.index / TILE_WIDTH)])));
    for (const tile of tiles) shared.findings.add({ kind: 'tile', tile, line });
    for (const misfit of found) if (misfit.kind === 'false-event') shared.findings.add(misfit);
  } else {
    for (const misfit of found) shared.findings.add(misfit);
  }
  if (agreement === 'neither') {
    if (!state.forked && trees.known())
      shared.findings.add({ kind: 'forked', from: Math.max(state.agreed, state.header.from), to: size, line });
    state.forked = true;
    return false;
  }
  state.agreed = trees.size();
  state.forked = false;
  return true;
}

function checkMap(state: State, head: TreeHead, line: number): void {
  const { map, shared } = state;
  if (map === undefined || map.size() !== head.size) return;
  const root = mapRootOf(head);
  if (root === undefined) shared.findings.add({ kind: 'checkpoint', reason: 'no-map', line, size: head.size });
  else if (!sameHash(map.root(), root)) shared.findings.add({ kind: 'map', size: head.size, line });
  else state.mapsUpTo = head.size;
}

function settleBeyond(state: State, head: TreeHead, proof: readonly Uint8Array[], line: number): void {
  const { trees, shared, header } = state;
  const size = trees.size();
  const trusted = shared.trusted;
  if (trusted !== undefined && trusted.origin === header.origin && trusted.size === head.size) {
    state.reached = true;
    if (!sameHash(trusted.root, head.root)) {
      shared.findings.add({ kind: 'forked', from: Math.max(state.agreed, header.from), to: head.size, line });
      return;
    }
  }
  // Every tree begins with the empty one.
  if (size === 0) return;
  const leads = (root: Uint8Array): boolean => verifyConsistency({ size, root }, { size: head.size, root: head.root }, proof);
  const forked = state.forked;
  // Whatever does not lead there is said once, as the proof's fault.
  state.forked = true;
  if (judge(state, leads, head.size, line)) state.checkpoints += 1;
  else {
    state.forked = forked;
    shared.findings.add({ kind: 'proof', line, size: head.size });
  }
}

function finish(state: State, trusted: TreeHead | undefined, ended: boolean): void {
  const { shared, header, forked } = state;
  for (const misfit of state.provisional) shared.findings.add(misfit);
  if (!ended) return;
  if (trusted !== undefined && !state.reached) shared.findings.add({ kind: 'unreached', size: trusted.size });
  const covered = Math.max(state.agreed, header.from);
  if (covered < header.to && !forked) shared.findings.add({ kind: 'uncovered', index: covered, to: header.to });
  if (shared.options.complete !== true || trusted === undefined) return;
  if (header.from !== 0 || header.to < trusted.size) {
    shared.findings.add({ kind: 'not-whole', from: header.from, to: header.to, size: trusted.size });
  } else if (state.mapsUpTo < header.to && shared.findings.count() === 0) {
    shared.findings.add({ kind: 'map-unknown', size: state.mapsUpTo });
  }
}
