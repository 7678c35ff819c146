/**
 * Gives `look` a moment that is soon, a whole second by the clock of this machine, and returns the moment and what was seen before it. Where
 * the machine was so busy that it had passed by then, nothing that was seen says anything: once more, with one that is later.
 */
export async function seenBefore<T>(look: (moment: string) => Promise<T>): Promise<{ readonly moment: number; readonly seen: T }> {
  for (let ahead = 1_000; ; ahead *= 4) {
    const moment = Math.ceil((Date.now() + ahead) / 1_000) * 1_000;
    const [outcome] = await Promise.allSettled([look(new Date(moment).toISOString())]);
    if (Date.now() >= moment && ahead < 60_000) continue;
    if (outcome.status === 'rejected') throw outcome.reason;
    return { moment, seen: outcome.value };
  }
}
