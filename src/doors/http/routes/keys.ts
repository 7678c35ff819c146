import { z } from 'zod';
import { jwkOf } from '../../../core/jwks.ts';
import type { PublicRoute } from '../route.ts';
import { send } from '../../entrance/send.ts';
import type { HttpServices } from '../services.ts';

export const KEY_SET_PATH = '/.well-known/jwks.json';

const keySetSchema = z
  .object({
    keys: z.array(
      z.object({
        kty: z.literal('OKP'),
        crv: z.literal('Ed25519'),
        x: z.string(),
        kid: z.string(),
        use: z.literal('sig'),
        alg: z.literal('EdDSA'),
        since: z.iso.datetime(),
        retired: z.iso.datetime().optional(),
      }),
    ),
  })
  .meta({ id: 'KeySet', description: 'RFC 7517, RFC 8037. `since` and `retired`: between which moments a key signed.' });

/** Public keys are public: whoever holds a manifest or a checkpoint has to be able to fetch them. */
export function keyRoutes(services: Pick<HttpServices, 'keys'>): readonly PublicRoute[] {
  return [
    {
      kind: 'public',
      method: 'get',
      path: KEY_SET_PATH,
      operationId: 'keySet',
      summary: 'RFC 7517: the keys that manifests and checkpoints are signed with, the one in force first; retired ones stay.',
      answers: [{ status: 200, description: 'The key set.', schema: keySetSchema }],
      handle(_req, res) {
        // Short: a rotation is to be seen soon.
        const headers = { 'cache-control': 'public, max-age=60' };
        send(res, { status: 200, body: { keys: services.keys().map(jwkOf) }, headers });
      },
    },
  ];
}
