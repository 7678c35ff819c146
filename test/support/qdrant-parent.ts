// A process to be killed: starts a local Qdrant in the directory given and prints its pid, url and key as one JSON line.
import { silentTelemetry } from '../../src/core/ports/telemetry.ts';
import { startLocalQdrant } from '../../src/vectors/local-qdrant.ts';

const [dataDir = '', then = 'stay'] = process.argv.slice(2);
try {
  const server = await startLocalQdrant({ dataDir, log: silentTelemetry.log });
  process.stdout.write(`${JSON.stringify({ pid: server.pid(), url: server.url, apiKey: server.apiKey })}\n`);
  if (then === 'exit') process.exit(0);
  setInterval(() => {}, 60_000);
} catch (error) {
  process.stdout.write(`${JSON.stringify({ error: error instanceof Error ? error.message : String(error) })}\n`);
}
