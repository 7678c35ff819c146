import { AppError } from '../../../core/errors.ts';
import { readBody, requireMediaType } from '../../entrance/body.ts';
import type { RateLimiter } from '../../entrance/rate-limits.ts';
import { stateOf } from '../../entrance/request-state.ts';
import type { PublicRoute } from '../route.ts';
import { send } from '../../entrance/send.ts';
import type { HttpServices } from '../services.ts';

const FORM = 'application/x-www-form-urlencoded';
const MAX_BYTES = 32 * 1024;

/** The one parameter that counts; others are passed over (Back-Channel Logout 1.0 §2.5). */
function tokenIn(body: Buffer): string {
  const [token, ...others] = new URLSearchParams(body.toString('utf8')).getAll('logout_token');
  if (token === undefined || others.length > 0) throw new AppError('invalid_logout_token', { detail: 'not one logout_token' });
  return token;
}

/** OpenID Connect Back-Channel Logout 1.0: what stands for the provider's authority is the signature on the token. */
export function logoutRoutes(services: Pick<HttpServices, 'endLogin'>, limiter: Pick<RateLimiter, 'noteFailure'>): readonly PublicRoute[] {
  return [
    {
      kind: 'public',
      method: 'post',
      path: '/v1/backchannel-logout',
      operationId: 'backchannelLogout',
      summary: 'For identity providers: a logout token ends what was issued under a login.',
      answers: [
        { status: 200, description: 'The login has ended here, on every replica.' },
        { status: 400, description: 'The logout token was not accepted.' },
      ],
      async handle(req, res) {
        const state = stateOf(req);
        requireMediaType(req, FORM);
        const body = await state.guard(readBody(req, res, MAX_BYTES));
        try {
          await state.guard(services.endLogin(tokenIn(body), state.requestId, state.signal));
        } catch (error) {
          if (error instanceof AppError && error.code === 'invalid_logout_token') await limiter.noteFailure(req.ip ?? 'unknown');
          throw error;
        }
        send(res, { status: 200 });
      },
    },
  ];
}
