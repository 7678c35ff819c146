/** Requests that have begun and not ended. */
export interface InFlight {
  begin(): void;
  end(): void;
  count(): number;
  /** Resolves when none is left, or after `graceMs`. */
  drained(graceMs: number): Promise<void>;
}

export function createInFlight(): InFlight {
  let running = 0;
  let onEmpty = (): void => undefined;
  return {
    begin() {
      running += 1;
    },
    end() {
      running -= 1;
      if (running === 0) onEmpty();
    },
    count: () => running,
    drained: (graceMs) =>
      new Promise((resolve) => {
        if (running === 0) {
          resolve();
          return;
        }
        const timer = setTimeout(resolve, graceMs);
        onEmpty = () => {
          clearTimeout(timer);
          resolve();
        };
      }),
  };
}
