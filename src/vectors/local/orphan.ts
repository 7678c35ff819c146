import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Log } from '../../core/ports/telemetry.ts';
import { identifyProcess, isSameProcess, type ProcessIdentity } from './process-identity.ts';

const recordFormat = z.strictObject({ pid: z.int().min(2), started: z.string().min(1), executable: z.string().min(1) });

function recordPath(directory: string): string {
  return join(directory, 'process.json');
}

/**
 * Notes the server that works on this directory. Synchronous and right after the spawn: a kill -9 of this process in between
 * would leave a server that nobody knows of.
 */
export function recordProcess(directory: string, pid: number): void {
  const identity = identifyProcess(pid);
  if (identity === undefined) return;
  const path = recordPath(directory);
  // Renamed into place, so that a crash leaves the old record or the new one and never half of one.
  writeFileSync(`${path}.new`, JSON.stringify(identity), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export function forgetProcess(directory: string): void {
  rmSync(recordPath(directory), { force: true });
}

function readRecord(directory: string): ProcessIdentity | undefined {
  try {
    return recordFormat.parse(JSON.parse(readFileSync(recordPath(directory), 'utf8')));
  } catch {
    return undefined;
  }
}

function signal(known: ProcessIdentity, name: NodeJS.Signals): void {
  try {
    // Asked again right before, so that a pid that has changed hands is never hit.
    if (isSameProcess(known)) process.kill(known.pid, name);
  } catch {
    // It ended in between.
  }
}

async function gone(known: ProcessIdentity, withinMs: number): Promise<boolean> {
  const until = performance.now() + withinMs;
  while (isSameProcess(known)) {
    if (performance.now() > until) return false;
    await sleep(20);
  }
  return true;
}

/**
 * Ends the server that an earlier run left behind on this directory, which happens when that run was killed with SIGKILL. It still
 * holds the storage, and a second server would fail or, worse, start beside it. The caller holds the directory's lock, so whatever
 * the record names has no living owner. True where one was ended; throws where it will not end.
 */
export async function reapOrphan(directory: string, log: Log, graceMs: number): Promise<boolean> {
  const known = readRecord(directory);
  const alive = known !== undefined && isSameProcess(known);
  if (alive) {
    log.warn({ pid: known.pid }, 'ending a Qdrant process that an earlier run left behind');
    signal(known, 'SIGTERM');
    if (!(await gone(known, graceMs))) {
      signal(known, 'SIGKILL');
      if (!(await gone(known, graceMs))) throw new Error(`the Qdrant process ${known.pid} of an earlier run does not end`);
    }
  }
  forgetProcess(directory);
  return alive;
}
