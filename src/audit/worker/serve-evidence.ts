import type { MessagePort } from 'node:worker_threads';
import { asAppError, AppError } from '../../core/errors.ts';
import type { EvidencePort } from '../../core/ports/evidence.ts';
import type { Telemetry } from '../../core/ports/telemetry.ts';
import { openLogAndIndex } from '../index/open-index.ts';
import { createEvidence } from './evidence.ts';
import type { FromWorker, ToWorker, WorkerSetup } from './protocol.ts';
import { remoteDeeds, toldTelemetry } from './thread-side.ts';

/** Lines of an export in one message. */
const LINES_PER_PART = 256;

/** The thread's whole life: opens the databases, says that it is ready, and answers until it is told to close. */
export async function serveEvidence(port: MessagePort, setup: WorkerSetup): Promise<void> {
  const tell = (message: FromWorker): void => port.postMessage(message);
  const telemetry = toldTelemetry(tell);
  const { deeds, settle } = remoteDeeds(tell);
  const databases = await openLogAndIndex(setup.database, setup.limits);
  const { evidence, start, stop } = createEvidence({ databases, settings: setup.sequencer, deeds, telemetry });
  const calls = answerCalls(evidence, tell, telemetry);
  port.on('message', (message: ToWorker) => {
    switch (message.kind) {
      case 'done':
      case 'undone':
        return settle(message);
      case 'close':
        return void close();
      case 'call':
      case 'open':
      case 'next':
      case 'abort':
        return calls.take(message);
    }
  });
  await start();
  tell({ kind: 'ready' });

  async function close(): Promise<void> {
    calls.abort();
    await stop();
    await databases.close();
    port.close();
  }
}

interface Calls {
  take(message: Extract<ToWorker, { kind: 'call' | 'open' | 'next' | 'abort' }>): void;
  /** All that are under way. */
  abort(): void;
}

function answerCalls(evidence: EvidencePort, tell: (message: FromWorker) => void, telemetry: Telemetry): Calls {
  const aborts = new Map<number, AbortController>();
  const exports = openExports(evidence, tell);

  async function answer(id: number, run: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const controller = aborts.get(id) ?? new AbortController();
    aborts.set(id, controller);
    try {
      await run(controller.signal);
    } catch (error) {
      const { code, message: detail, issues, retryAfter } = asAppError(error, 'audit_unavailable');
      if (!(error instanceof AppError)) telemetry.log.error({}, `the audit thread failed: ${String(error)}`);
      exports.forget(id);
      tell({ kind: 'failed', id, code, detail, issues, retryAfter });
    } finally {
      if (!exports.isOpen(id)) aborts.delete(id);
    }
  }

  return {
    abort() {
      for (const controller of aborts.values()) controller.abort();
    },
    take(message) {
      const { id } = message;
      switch (message.kind) {
        case 'call':
          return void answer(id, async (signal) => {
            const method = evidence[message.method] as (...args: readonly unknown[]) => Promise<unknown>;
            tell({ kind: 'answer', id, value: await method(...message.args, signal) });
          });
        case 'open':
          return void answer(id, (signal) => exports.open(id, message.args as ExportArguments, signal));
        case 'next':
          return void answer(id, () => exports.part(id));
        case 'abort':
          aborts.get(id)?.abort();
          aborts.delete(id);
          return void exports.close(id);
      }
    },
  };
}

type ExportArguments = [Parameters<EvidencePort['export']>[0], Parameters<EvidencePort['export']>[1]];

interface Exports {
  isOpen(id: number): boolean;
  /** Begins one and tells its first part. */
  open(id: number, args: ExportArguments, signal: AbortSignal): Promise<void>;
  part(id: number): Promise<void>;
  forget(id: number): void;
  close(id: number): Promise<void>;
}

function openExports(evidence: EvidencePort, tell: (message: FromWorker) => void): Exports {
  const open = new Map<number, AsyncIterator<string>>();
  async function part(id: number): Promise<void> {
    const { lines, last } = await linesOf(open.get(id));
    if (last) open.delete(id);
    tell({ kind: 'part', id, lines, last });
  }
  return {
    isOpen: (id) => open.has(id),
    open(id, [tenant, range], signal) {
      open.set(id, evidence.export(tenant, range, signal)[Symbol.asyncIterator]());
      return part(id);
    },
    part,
    forget: (id) => void open.delete(id),
    async close(id) {
      const lines = open.get(id);
      open.delete(id);
      await lines?.return?.().catch(() => undefined);
    },
  };
}

async function linesOf(open: AsyncIterator<string> | undefined): Promise<{ readonly lines: readonly string[]; readonly last: boolean }> {
  const lines: string[] = [];
  while (open !== undefined && lines.length < LINES_PER_PART) {
    const next = await open.next();
    if (next.done === true) return { lines, last: true };
    lines.push(next.value);
  }
  return { lines, last: open === undefined };
}
