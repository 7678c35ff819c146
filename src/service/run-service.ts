import type { Config } from '../config.ts';
import { createTelemetry, type ServiceTelemetry } from '../telemetry/telemetry.ts';
import { startDevelopment } from './development.ts';
import { startService, type Service } from './start-service.ts';
import { stopSignal, type StopSignal } from './stop-signal.ts';

export interface RunOptions {
  readonly version: string;
  /** For people: where it listens, how to ask it. Logs go to standard output. */
  readonly say: (line: string) => void;
}

/** Runs the service until SIGTERM or SIGINT, then finishes what is in flight. Rejects where it cannot start. */
export async function runService(config: Config, { version, say }: RunOptions): Promise<void> {
  const telemetry = createTelemetry({ level: logLevel(config.logLevel) });
  const stop = stopSignal();
  try {
    const running = await start(config, { version, telemetry, say });
    await untilStopped(running, telemetry, stop);
  } finally {
    stop.forget();
    telemetry.flush();
  }
}

type Running = Pick<Service, 'url' | 'qdrantUrl' | 'close'>;

async function start(config: Config, options: { version: string; telemetry: ServiceTelemetry; say: RunOptions['say'] }): Promise<Running> {
  const { version, telemetry, say } = options;
  if (config.mode === 'development') {
    const development = await startDevelopment(config, { version, telemetry });
    for (const line of development.greeting) say(line);
    return development;
  }
  const service = await startService(config, { version, telemetry });
  const { url, qdrantUrl } = service;
  say(`sluice ${version} listens on ${url}${qdrantUrl === undefined ? '' : `, for Qdrant clients on ${qdrantUrl}`}`);
  return service;
}

async function untilStopped(running: Running, { log }: ServiceTelemetry, stop: StopSignal): Promise<void> {
  const { url, qdrantUrl } = running;
  log.info({ url, ...(qdrantUrl === undefined ? {} : { qdrantUrl }) }, 'ready');
  const signal = await stop.received;
  log.info({ signal }, 'stopping; a second signal ends at once');
  await running.close();
  log.info({}, 'stopped');
}

/** Levels that our log does not tell apart are the next one that it does. */
function logLevel(level: Config['logLevel']): Parameters<typeof createTelemetry>[0]['level'] {
  return level === 'fatal' ? 'error' : level === 'trace' ? 'debug' : level;
}
