import { AppError } from '../core/errors.ts';

const MAX_TRIES = 5;

/**
 * Somebody else changed what it is about, the policy or the caller's own standing meanwhile: everything is read and decided anew,
 * so that whoever comes second is answered as if they had begun second.
 */
export async function again<T>(run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'conflict' || attempt === MAX_TRIES) throw error;
    }
  }
}
