export interface StopSignal {
  /** Resolves with the first SIGTERM or SIGINT. */
  readonly received: Promise<NodeJS.Signals>;
  /** Stops listening, so that the next signal does what it does by default. */
  forget(): void;
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
/** What a shell reports of a process that a signal ended. */
const EXIT = { SIGTERM: 143, SIGINT: 130 } as const;

/** Listens from now on, so that a signal during start is not lost. The second signal ends the process at once. */
export function stopSignal(): StopSignal {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let stopping = false;
  const listeners = SIGNALS.map((signal) => {
    const listener = (): void => {
      if (stopping) process.exit(EXIT[signal]);
      stopping = true;
      resolve(signal);
    };
    process.on(signal, listener);
    return { signal, listener };
  });
  return {
    received: promise,
    forget() {
      for (const { signal, listener } of listeners) process.off(signal, listener);
    },
  };
}
