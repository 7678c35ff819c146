import type { Clock } from '../core/ports/clock.ts';
import type { IssuerConfig } from '../core/ports/identity.ts';
import type { PolicyPort } from '../core/ports/policy.ts';
import type { ServiceTelemetry } from '../telemetry/telemetry.ts';
import type { ServiceLimits } from './limits.ts';
import type { Stores } from './open-stores.ts';
import type { PolicyFiles } from './policy-files.ts';

export interface ServiceOptions {
  readonly telemetry: ServiceTelemetry;
  readonly version: string;
  /** Issuers beside the configured ones: the development issuer's. */
  readonly issuers?: readonly IssuerConfig[];
  readonly clock?: Clock;
  readonly limits?: ServiceLimits;
  /** Runs when policy and catalog are open and before anybody can call. */
  readonly prepare?: (parts: { readonly stores: Stores; readonly files: PolicyFiles; readonly policy: PolicyPort }) => Promise<void>;
}
