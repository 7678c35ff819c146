import { GROUP, USER } from './values.ts';

export const MAX_RESULTS = 200;
const SCHEMA = 'urn:ietf:params:scim:schemas:core:2.0:Schema';

type Resource = Readonly<Record<string, unknown>>;

/** RFC 7643 §5: what of the protocol is spoken here. */
export function serviceProviderConfig(base: string): Resource {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
    patch: { supported: true },
    bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
    filter: { supported: true, maxResults: MAX_RESULTS },
    changePassword: { supported: false },
    sort: { supported: false },
    etag: { supported: true },
    authenticationSchemes: [
      { type: 'oauthbearertoken', name: 'OAuth bearer token', description: 'An access token of a configured issuer, scope admin.' },
    ],
    meta: { resourceType: 'ServiceProviderConfig', location: `${base}/ServiceProviderConfig` },
  };
}

export function resourceTypes(base: string): readonly Resource[] {
  const type = (id: string, endpoint: string, schema: string): Resource => ({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
    id,
    name: id,
    endpoint,
    schema,
    meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/${id}` },
  });
  return [type('User', '/Users', USER), type('Group', '/Groups', GROUP)];
}

const attribute = (name: string, type: string, more: Resource = {}): Resource => ({
  name,
  type,
  multiValued: false,
  required: false,
  caseExact: false,
  mutability: 'readWrite',
  returned: 'default',
  uniqueness: 'none',
  ...more,
});

/** RFC 7643 §7: the attributes that are kept; others are taken and dropped. */
export function schemas(base: string): readonly Resource[] {
  const schema = (id: string, name: string, attributes: readonly Resource[]): Resource => ({
    schemas: [SCHEMA],
    id,
    name,
    attributes,
    meta: { resourceType: 'Schema', location: `${base}/Schemas/${id}` },
  });
  const member = [
    attribute('value', 'string', { mutability: 'immutable', caseExact: true }),
    attribute('$ref', 'reference', { mutability: 'immutable', caseExact: true, referenceTypes: ['User', 'Group'] }),
    attribute('type', 'string', { mutability: 'immutable', canonicalValues: ['User', 'Group'] }),
  ];
  return [
    schema(USER, 'User', [
      attribute('userName', 'string', { required: true, uniqueness: 'server' }),
      attribute('displayName', 'string', { caseExact: true }),
      attribute('userType', 'string'),
      attribute('active', 'boolean'),
    ]),
    schema(GROUP, 'Group', [
      attribute('displayName', 'string', { required: true }),
      attribute('members', 'complex', { multiValued: true, subAttributes: member }),
    ]),
  ];
}
