import { allowInsecureRequests, customFetch, discovery, None } from 'openid-client';
import type { IssuerConfig } from '../core/ports/identity.ts';
import type { ProviderFetch } from './provider-fetch.ts';
import { isLoopbackHttp, isProviderUrl } from './provider-url.ts';

/**
 * Reads the provider's metadata (OpenID Connect Discovery 1.0 §4) and gives the address of its keys, or of another endpoint.
 * Rejects, with a fixed message, where it cannot be read or names another issuer.
 */
export async function discoverEndpoint(
  { url: issuer, plainHttp }: Pick<IssuerConfig, 'url' | 'plainHttp'>,
  member: 'jwks_uri' | 'introspection_endpoint',
  fetcher: ProviderFetch,
  signal: AbortSignal,
): Promise<URL> {
  const url = new URL(issuer);
  const metadata = await readMetadata(url, plainHttp, fetcher, signal);
  // Exact, character by character (§4.3): openid-client compares normalised URLs and makes exceptions for some providers.
  if (metadata.issuer !== issuer) throw new Error('the metadata names another issuer');
  const address: unknown = metadata[member]; // As it came: openid-client does not check its type.
  if (typeof address !== 'string' || !isProviderUrl(address, plainHttp)) throw new Error(`the metadata has no usable ${member}`);
  const endpoint = new URL(address);
  // A provider on the network must not be able to point us at a plain-text service of this machine.
  if (endpoint.protocol === 'http:' && !isLoopbackHttp(url) && !(plainHttp === true && endpoint.host === url.host)) {
    throw new Error(`the metadata has no usable ${member}`);
  }
  return endpoint;
}

async function readMetadata(url: URL, plainHttp: boolean | undefined, fetcher: ProviderFetch, signal: AbortSignal) {
  try {
    const configuration = await discovery(url, 'sluice', undefined, None(), {
      execute: plainHttp === true || isLoopbackHttp(url) ? [allowInsecureRequests] : [],
      [customFetch]: async (target) => {
        const answer = await fetcher.get(new URL(target), signal);
        return new Response(answer.body === '' ? null : answer.body, {
          status: answer.status,
          headers: { 'content-type': answer.contentType },
        });
      },
    });
    return configuration.serverMetadata();
  } catch (error) {
    // oxlint-disable-next-line eslint/preserve-caught-error -- openid-client hangs the whole answer on its errors; only the code is kept.
    throw new Error(`the metadata could not be read (${codeOf(error)})`);
  }
}

export function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Z0-9_]{1,60}$/.test(code) ? code : 'no code';
}
