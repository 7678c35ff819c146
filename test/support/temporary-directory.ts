import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A new directory that goes with the test, after whatever the test itself set up in it later. Call it within a test. */
export function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'sluice-test-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}
