import { AppError } from './errors.ts';
import type { PolicyPort, Purpose } from './ports/policy.ts';

/** What a request without a purpose means: the first of the closed list. Fails with `policy_unavailable` where there is none. */
export function usualPurpose({ purposes }: Pick<PolicyPort, 'purposes'>): Purpose {
  const [usual] = purposes;
  if (usual === undefined) throw new AppError('policy_unavailable', { detail: 'no purpose is configured' });
  return usual;
}

/** The purpose that a request names, or the usual one. Fails with `invalid_request` for one outside the closed list. */
export function purposeOf(policy: Pick<PolicyPort, 'purposes'>, wanted: string | undefined): Purpose {
  const usual = usualPurpose(policy);
  if (wanted === undefined) return usual;
  if (policy.purposes.includes(wanted)) return wanted;
  const message = `must be one of: ${policy.purposes.join(', ')}`;
  throw new AppError('invalid_request', { issues: [{ pointer: '/purpose', message }] });
}
