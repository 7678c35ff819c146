import type { Config } from '../config.ts';
import { systemClock } from '../core/ports/clock.ts';
import { startDevIssuer, type DevIssuer } from '../identity/dev-issuer/dev-issuer.ts';
import { createTenant } from './create-tenant.ts';
import { portIfFree } from './free-port.ts';
import { operatorChange } from './operator.ts';
import type { ServiceOptions } from './service-options.ts';
import { startService, type Service } from './start-service.ts';

export const DEV_TENANT = 'acme';
export const DEV_ADMINISTRATOR = 'user:dev|olga';
const ISSUER_HOST = '127.0.0.1';

export interface Development extends Service {
  readonly issuer: DevIssuer;
  /** What a person needs to make a first request, line by line. */
  readonly greeting: readonly string[];
}

/** The service with a development issuer beside it, and the example company's tenant where the database is empty. */
export async function startDevelopment(config: Config, options: Pick<ServiceOptions, 'telemetry' | 'version'>): Promise<Development> {
  // Tokens name the service's address, so the port has to be known before the issuer starts.
  const port = config.port === 0 ? await portIfFree(config.host, 0) : config.port;
  if (port === undefined) throw new Error('there is no free port');
  const host = config.host.includes(':') && !config.host.startsWith('[') ? `[${config.host}]` : config.host;
  const issuer = await startDevIssuer({ host: ISSUER_HOST, port: await issuerPort(config.port), resource: `http://${host}:${port}` });
  try {
    const service = await startService(
      { ...config, port },
      {
        ...options,
        issuers: [issuer.issuerConfig],
        async prepare({ stores, files, policy }) {
          if ((await stores.catalog.tenants()).length > 0) return;
          const wanted = { tenant: DEV_TENANT, administrator: DEV_ADMINISTRATOR };
          await createTenant({ catalog: stores.catalog, policy, files }, wanted, operatorChange('create-tenant', systemClock.now()));
        },
      },
    );
    return {
      ...service,
      issuer,
      greeting: greetingOf(service, issuer.url, options.version),
      async close(graceMs) {
        try {
          await service.close(graceMs);
        } finally {
          await issuer.close();
        }
      },
    };
  } catch (error) {
    await issuer.close();
    throw error;
  }
}

/** Beside the service's, so that it is the same after a restart; any free one where that cannot be had. */
async function issuerPort(port: number): Promise<number> {
  const beside = port + 1;
  return port === 0 || beside > 65_535 ? 0 : ((await portIfFree(ISSUER_HOST, beside)) ?? 0);
}

function greetingOf({ url, qdrantUrl }: Service, issuerUrl: string, version: string): readonly string[] {
  const setUrl = url === 'http://127.0.0.1:8080' ? '' : `SLUICE_URL=${url} `;
  return [
    `sluice ${version} listens on ${url}, for development: whoever asks for a token gets it`,
    `  the API to read    ${url}/docs`,
    `  tokens come from   ${issuerUrl}`,
    ...(qdrantUrl === undefined ? [] : [`  for Qdrant clients ${qdrantUrl}`]),
    '  a first question:',
    `    curl -s ${url}/v1/retrieve -H 'content-type: application/json' \\`,
    `      -H "authorization: Bearer $(${setUrl}npx sluice token --as alice)" \\`,
    `      -d '{"query":"how much parental leave do I get"}'`,
  ];
}
