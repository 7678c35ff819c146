import { parentPort, workerData } from 'node:worker_threads';
import type { WorkerSetup } from './protocol.ts';
import { serveEvidence } from './serve-evidence.ts';

// The thread begins here. Imported anywhere else, it does nothing.
if (parentPort !== null) await serveEvidence(parentPort, workerData as WorkerSetup);
