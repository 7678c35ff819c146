import type { Caller } from '../core/caller.ts';
import { checkOutput, type OutputParts, type OutputReport } from './output-check.ts';
import { inTurn } from './in-turn.ts';
import { again } from './people.ts';
import { createStages, type Stages } from './stages.ts';

/** What applications report of requests they made, and have checked. */
export interface StageService extends Stages {
  checkOutput(caller: Caller, requestId: string, output: string): Promise<OutputReport>;
}

export function createStageService(parts: OutputParts): StageService {
  // However many are sent at once, each sees those before it: else all of them would be the first.
  const serial = inTurn();
  return {
    ...createStages(parts),
    checkOutput: (caller, requestId, output) =>
      serial(`${caller.tenant} ${requestId}`, () => again(() => checkOutput(parts, caller, requestId, output))),
  };
}
