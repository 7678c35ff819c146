import type { Caller } from '../caller.ts';
import type { TenantView } from './catalog.ts';
import type { Purpose } from './policy.ts';

/** Decides a request again under the revision in shadow. Returns at once, never fails, and changes nothing of the answer. */
export interface ShadowObserver {
  observe(view: TenantView, caller: Caller, purpose: Purpose): void;
}
