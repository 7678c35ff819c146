class DatabaseTimeout extends Error {
  constructor(what: string, ms: number) {
    super(`${what} took longer than ${ms} ms`);
    this.name = 'DatabaseTimeout';
  }
}

/** `work` or a DatabaseTimeout after `ms`. `expired` runs first, so that what is abandoned cannot go on to take effect. */
export function withDeadline<T>(what: string, ms: number, work: Promise<T>, expired: () => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => {
      expired();
      reject(new DatabaseTimeout(what, ms));
    }, ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
