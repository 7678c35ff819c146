import type { Telemetry } from '../../core/ports/telemetry.ts';
import type { Deeds, FromWorker, ToWorker } from './protocol.ts';

/** What is said in here is said by the service: one log, one set of metrics. Errors cross as text. */
export function toldTelemetry(say: (message: FromWorker) => void): Telemetry {
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

/** What the thread asks the service to do, since it holds no private key and writes no event. */
export function remoteDeeds(say: (message: FromWorker) => void): {
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
