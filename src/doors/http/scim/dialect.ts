import { AppError, type ErrorCode } from '../../../core/errors.ts';
import type { Dialect } from '../route.ts';

export const SCIM_TYPE = 'application/scim+json';
const ERROR = 'urn:ietf:params:scim:api:messages:2.0:Error';

/** RFC 7644 §3.12, table 9. */
export type ScimType =
  'invalidFilter' | 'tooMany' | 'uniqueness' | 'mutability' | 'invalidSyntax' | 'invalidPath' | 'noTarget' | 'invalidValue';

/** A request that SCIM has a word of its own for. `message` never quotes what came in. */
export class ScimError extends AppError {
  readonly scimType: ScimType;

  constructor(scimType: ScimType, message: string) {
    super('invalid_request', { detail: `${scimType}: ${message}`, issues: [{ pointer: scimType, message }] });
    this.name = 'ScimError';
    this.scimType = scimType;
  }
}

const TYPES: Partial<Record<ErrorCode, ScimType>> = {
  already_exists: 'uniqueness',
  invalid_request: 'invalidValue',
  malformed_json: 'invalidSyntax',
};

/** What a provider's administrator reads in its log: our fixed text, then the places of their own input. */
function detailOf(error: AppError): string {
  const places = error.issues.slice(0, 16).map(({ pointer, message }) => `${pointer}: ${message}`);
  return [error.publicMessage, ...(error.status < 500 ? places : [])].join(' ');
}

export const SCIM_DIALECT: Dialect = {
  types: [SCIM_TYPE, 'application/json'],
  problem(error) {
    const scimType = error instanceof ScimError ? error.scimType : TYPES[error.code];
    return { schemas: [ERROR], status: String(error.status), ...(scimType === undefined ? {} : { scimType }), detail: detailOf(error) };
  },
};
