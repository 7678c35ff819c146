import type { Caller } from '../core/caller.ts';
import { checkOutput, type OutputParts, type OutputReport } from './output-check.ts';
import { createStages, type Stages } from './stages.ts';

/** What applications report of requests they made, and have checked. */
export interface StageService extends Stages {
  checkOutput(caller: Caller, requestId: string, output: string): Promise<OutputReport>;
}

export function createStageService(parts: OutputParts): StageService {
  return { ...createStages(parts), checkOutput: (caller, requestId, output) => checkOutput(parts, caller, requestId, output) };
}
