import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary-directory.ts';
import { silentTelemetry } from '../../core/ports/telemetry.ts';
import { checkQdrantBinary, findQdrantBinary, PINNED_SHA256 } from './binary.ts';
import { launchQdrant } from './qdrant-process.ts';

const { log } = silentTelemetry;
describe('the pinned program', () => {
  it('is run only with the digest of the release', async () => {
    const copy = join(temporaryDirectory(), 'qdrant');
    copyFileSync(findQdrantBinary(undefined).path, copy);
    const pinned = { kind: 'pinned', path: copy, sha256: PINNED_SHA256 } as const;
    await checkQdrantBinary(pinned);
    writeFileSync(copy, 'x', { flag: 'a' });
    await expect(checkQdrantBinary(pinned)).rejects.toThrow(/SHA-256 differs/);
    const options = { binary: pinned, directory: temporaryDirectory(), port: 1, apiKey: 'k', log, readyMs: 1_000, graceMs: 1_000 };
    await expect(launchQdrant(options, new AbortController().signal)).rejects.toThrow(/SHA-256 differs/);
  });

  it('that is missing names the ways out', () => {
    const missing = () => {
      throw new Error('Cannot find module');
    };
    const look = () => findQdrantBinary(undefined, missing as unknown as NodeJS.RequireResolve);
    for (const way of [/docker run/, /QDRANT_URL/, /SLUICE_QDRANT_BINARY/]) expect(look).toThrow(way);
  });
});
