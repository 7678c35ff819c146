import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { AppError } from '../../core/errors.ts';
import type { EvidencePort } from '../../core/ports/evidence.ts';
import type { Telemetry } from '../../core/ports/telemetry.ts';
import type { Deeds, FromWorker, ToWorker, WorkerSetup } from './protocol.ts';
import { ENDED, threadCalls, type ThreadCalls } from './thread-calls.ts';

export interface EvidenceWorker extends EvidencePort {
  /** Finishes what it is writing, then ends the thread. Later calls fail with `audit_unavailable`. */
  close(): Promise<void>;
  /** Ends the thread at once, as running out of memory would. */
  kill(): Promise<void>;
}

export interface EvidenceWorkerParts {
  readonly setup: WorkerSetup;
  readonly deeds: Deeds;
  readonly telemetry: Telemetry;
}

/** A heap of its own: what goes wrong with memory in there ends the thread, not the service. */
const HEAP_MB = 512;
const CLOSE_MS = 10_000;
const FIRST_RESTART_MS = 100;
const LONGEST_RESTART_MS = 10_000;

/**
 * The derived index and everything that reads it, in a thread with connections of its own, so that no question holds up a query. A
 * thread that dies is started again; who waited for it gets `audit_unavailable`. Rejects where the first one cannot start.
 */
export async function startEvidenceWorker(parts: EvidenceWorkerParts): Promise<EvidenceWorker> {
  let thread: Worker | undefined;
  let restarting: Promise<void> = Promise.resolve();
  const closing = new AbortController();
  const isClosing = (): boolean => closing.signal.aborted;
  const calls = threadCalls(() => (isClosing() ? undefined : thread));

  async function start(): Promise<void> {
    const begun = launch(parts, calls);
    begun.once('exit', () => {
      const served = thread === begun;
      if (served) thread = undefined;
      calls.failAll();
      if (served && !isClosing()) restarting = restart();
    });
    await ready(begun);
    thread = begun;
    // Closed while it was starting.
    if (isClosing()) await end(begun);
  }
  async function restart(): Promise<void> {
    parts.telemetry.count('audit_worker_restarts');
    for (let wait = FIRST_RESTART_MS; !isClosing(); wait = Math.min(wait * 2, LONGEST_RESTART_MS)) {
      try {
        return await start();
      } catch (error) {
        parts.telemetry.log.error({}, 'the audit thread could not be started again', error);
        // Whoever closes does not wait for the next try.
        await sleep(wait, undefined, { ref: false, signal: closing.signal }).catch(() => undefined);
      }
    }
  }
  await start();
  return {
    ...portOver(calls),
    async kill() {
      await thread?.terminate();
    },
    async close() {
      closing.abort();
      calls.failAll();
      await Promise.all([thread === undefined ? undefined : end(thread), restarting]);
    },
  };
}

function portOver({ call, lines }: ThreadCalls): EvidencePort {
  return {
    ask: (question, signal) => call('ask', [question], signal),
    checkpoint: (...args) => call('checkpoint', args),
    checkpointAt: (...args) => call('checkpointAt', args),
    checkpoints: (...args) => call('checkpoints', args),
    inclusion: (...args) => call('inclusion', args),
    consistency: (...args) => call('consistency', args),
    tile: (...args) => call('tile', args),
    storedNames: (...args) => call('storedNames', args),
    completeness: (...args) => call('completeness', args),
    export: (tenant, range, signal) => lines([tenant, range], signal),
  };
}

function launch({ setup, deeds, telemetry }: EvidenceWorkerParts, calls: ThreadCalls): Worker {
  const thread = new Worker(new URL('./worker-main.ts', import.meta.url), {
    workerData: setup,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, maxYoungGenerationSizeMb: 16 },
  });
  thread.on('message', (message: FromWorker) => receive(message, { thread, deeds, telemetry, calls }));
  thread.on('error', (error) => telemetry.log.error({}, ENDED, error));
  return thread;
}

/** Rejects with what ended it where it ends before. */
function ready(thread: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    const told = ({ kind }: FromWorker): void => {
      if (kind !== 'ready') return;
      thread.off('message', told);
      resolve();
    };
    thread.on('message', told);
    thread.once('error', (error) => reject(error instanceof Error ? error : new Error(ENDED)));
    thread.once('exit', (code) => reject(new Error(`${ENDED} with code ${code} before it was ready`)));
  });
}

interface Receiving extends Pick<EvidenceWorkerParts, 'deeds' | 'telemetry'> {
  readonly thread: Worker;
  readonly calls: ThreadCalls;
}

function receive(message: FromWorker, { thread, deeds, telemetry, calls }: Receiving): void {
  switch (message.kind) {
    case 'ready':
      return;
    case 'answer':
    case 'part':
      return calls.answered(message.id, message);
    case 'failed': {
      const { id, code, detail, issues, retryAfter } = message;
      return calls.answered(id, new AppError(code, { detail, issues, ...(retryAfter === undefined ? {} : { retryAfter }) }));
    }
    case 'do':
      return void perform(message, deeds).then((answer) => thread.postMessage(answer));
    case 'log':
      return telemetry.log[message.level](message.fields, message.message);
    case 'count':
      return telemetry.count(message.counter, message.labels, message.by);
    case 'gauge':
      return telemetry.gauge(message.gauge, message.value);
  }
}

async function perform({ id, what, args }: Extract<FromWorker, { kind: 'do' }>, deeds: Deeds): Promise<ToWorker> {
  try {
    const deed = deeds[what] as (...given: readonly unknown[]) => Promise<unknown>;
    return { kind: 'done', id, value: await deed(...args) };
  } catch (error) {
    return { kind: 'undone', id, detail: error instanceof Error ? error.message : 'failed' };
  }
}

async function end(thread: Worker): Promise<void> {
  const ended = new Promise<void>((resolve) => void thread.once('exit', () => resolve()));
  thread.postMessage({ kind: 'close' } satisfies ToWorker);
  const late = sleep(CLOSE_MS, 'late' as const, { ref: false });
  if ((await Promise.race([ended, late])) === 'late') await thread.terminate();
}
