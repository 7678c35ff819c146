import { parentPort, workerData } from 'node:worker_threads';
import { asAppError, AppError } from '../../core/errors.ts';
import type { EvidencePort } from '../../core/ports/evidence.ts';
import type { Telemetry } from '../../core/ports/telemetry.ts';
import { openLogAndIndex } from '../index/open-index.ts';
import { createEvidence } from './evidence.ts';
import type { Deeds, FromWorker, ToWorker, WorkerSetup } from './protocol.ts';

/** Lines of an export in one message. */
const LINES_PER_PART = 256;

const port = parentPort;
if (port === null) throw new Error('this runs in a thread of the service');
const tell = (message: FromWorker): void => port.postMessage(message);
const telemetry = toldTelemetry(tell);
const { deeds, settle } = remoteDeeds(tell);
const setup = workerData as WorkerSetup;
const databases = await openLogAndIndex(setup.database, setup.limits);
const { evidence, start, stop } = createEvidence({ databases, settings: setup.sequencer, deeds, telemetry });
const aborts = new Map<number, AbortController>();
const exports = new Map<number, AsyncIterator<string>>();

port.on('message', (message: ToWorker) => {
  switch (message.kind) {
    case 'call':
      return void answer(message.id, async (signal) => {
        const method = evidence[message.method] as (...args: readonly unknown[]) => Promise<unknown>;
        tell({ kind: 'answer', id: message.id, value: await method(...message.args, signal) });
      });
    case 'open':
      return void answer(message.id, (signal) => {
        const [tenant, range] = message.args as [Parameters<EvidencePort['export']>[0], Parameters<EvidencePort['export']>[1]];
        exports.set(message.id, evidence.export(tenant, range, signal)[Symbol.asyncIterator]());
        return part(message.id);
      });
    case 'next':
      return void answer(message.id, () => part(message.id));
    case 'abort':
      aborts.get(message.id)?.abort();
      return void closeExport(message.id);
    case 'done':
    case 'undone':
      return settle(message);
    case 'close':
      return void close();
  }
});
await start();
tell({ kind: 'ready' });

async function answer(id: number, run: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = aborts.get(id) ?? new AbortController();
  aborts.set(id, controller);
  try {
    await run(controller.signal);
  } catch (error) {
    const { code, message: detail, issues, retryAfter } = asAppError(error, 'audit_unavailable');
    if (!(error instanceof AppError)) telemetry.log.error({}, `the audit thread failed: ${String(error)}`);
    exports.delete(id);
    tell({ kind: 'failed', id, code, detail, issues, retryAfter });
  } finally {
    if (!exports.has(id)) aborts.delete(id);
  }
}

async function part(id: number): Promise<void> {
  const open = exports.get(id);
  const lines: string[] = [];
  let last = open === undefined;
  while (open !== undefined && !last && lines.length < LINES_PER_PART) {
    const next = await open.next();
    if (next.done === true) last = true;
    else lines.push(next.value);
  }
  if (last) exports.delete(id);
  tell({ kind: 'part', id, lines, last });
}

async function closeExport(id: number): Promise<void> {
  const open = exports.get(id);
  exports.delete(id);
  aborts.delete(id);
  await open?.return?.().catch(() => undefined);
}

async function close(): Promise<void> {
  for (const controller of aborts.values()) controller.abort();
  await stop();
  await databases.close();
  port?.close();
}

/** What is said in here is said by the service: one log, one set of metrics. Errors cross as text. */
function toldTelemetry(say: (message: FromWorker) => void): Telemetry {
  return {
    log: {
      debug: (fields, message) => say({ kind: 'log', level: 'debug', fields, message }),
      info: (fields, message) => say({ kind: 'log', level: 'info', fields, message }),
      warn: (fields, message) => say({ kind: 'log', level: 'warn', fields, message }),
      error: (fields, message, error) =>
        say({ kind: 'log', level: 'error', fields: error instanceof Error ? { ...fields, error: error.message } : fields, message }),
    },
    span: (_name, _attributes, run) => run(),
    count: (counter, labels = {}, by = 1) => say({ kind: 'count', counter, labels, by }),
    gauge: (gauge, value) => say({ kind: 'gauge', gauge, value }),
    observeStep() {},
  };
}

function remoteDeeds(say: (message: FromWorker) => void): {
  readonly deeds: Deeds;
  readonly settle: (message: Extract<ToWorker, { kind: 'done' | 'undone' }>) => void;
} {
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let lastId = 0;
  const perform = async (what: keyof Deeds, args: readonly unknown[]): Promise<unknown> => {
    const id = (lastId += 1);
    const done = Promise.withResolvers<unknown>();
    waiting.set(id, done);
    say({ kind: 'do', id, what, args });
    return done.promise;
  };
  return {
    deeds: {
      sign: (text) => perform('sign', [text]) as ReturnType<Deeds['sign']>,
      keys: () => perform('keys', []) as ReturnType<Deeds['keys']>,
      sweep: (...args) => perform('sweep', args) as ReturnType<Deeds['sweep']>,
    },
    settle(message) {
      const done = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.kind === 'done') done?.resolve(message.value);
      else done?.reject(new Error(message.detail));
    },
  };
}
