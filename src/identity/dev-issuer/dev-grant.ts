import type { Provider, ProviderErrors, ResourceServerInfo, TokenContext } from './oidc-provider-shape.ts';
import type { DevClient, DevPerson } from './people.ts';

/** The grant by which a token is had for the asking: client, person (`as`, optional), scopes (optional). No secret. */
export const DEV_GRANT = 'urn:sluice:dev';

interface DevGrantParts {
  readonly provider: Provider;
  readonly errors: ProviderErrors;
  readonly resource: string;
  readonly resourceServer: (client: DevClient) => ResourceServerInfo;
  readonly people: ReadonlyMap<string, DevPerson>;
  readonly clients: ReadonlyMap<string, DevClient>;
}

export function registerDevGrant({ provider, errors, resource, resourceServer, people, clients }: DevGrantParts): void {
  async function grant(context: TokenContext): Promise<void> {
    const { client, params } = context.oidc;
    const known = clients.get(client.clientId);
    if (known === undefined) throw new errors.InvalidGrant('no such client');
    const scopes = params['scope']?.split(' ').filter((s) => s !== '') ?? known.scopes;
    if (!scopes.every((scope) => known.scopes.some((s) => s === scope))) {
      throw new errors.InvalidScope('the client does not have this scope', scopes.join(' '));
    }
    const input = { client, scope: scopes.join(' '), resourceServer: new provider.ResourceServer(resource, resourceServer(known)) };
    if (!isGiven(params['as']) && !known.actsAlone) throw new errors.InvalidGrant('this client only acts for a person');
    const token = isGiven(params['as'])
      ? new provider.AccessToken({ ...input, accountId: personFor(params['as'], known).id, gty: DEV_GRANT })
      : new provider.ClientCredentials(input);
    const value = await token.save();
    context.body = { access_token: value, expires_in: token.expiration, scope: token.scope, token_type: token.tokenType };
  }

  function personFor(id: string, client: DevClient): DevPerson {
    const person = people.get(id);
    // A client works for the people of its own tenant; two tenants in one token would be nobody's.
    if (person === undefined || person.tenant !== client.tenant) throw new errors.InvalidGrant('no such person');
    return person;
  }

  provider.registerGrantType(DEV_GRANT, grant, ['as', 'scope']);
}

function isGiven(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}
