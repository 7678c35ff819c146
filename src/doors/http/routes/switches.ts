import type { HttpDoorConfig } from '../config.ts';
import { callRoute, type CallRoute } from '../route.ts';
import {
  liftSchema,
  switchesSchema,
  switchNameSchema,
  switchPageSchema,
  switchSchema,
  throwSwitchSchema,
  twoPersonNameSchema,
} from '../schemas/switches.ts';
import type { HttpServices } from '../services.ts';

const PATH = '/v1/switches';
const DEFAULT_PAGE = 100;

export function switchRoutes(services: HttpServices, config: HttpDoorConfig): readonly CallRoute[] {
  const { switches } = services;
  return [
    callRoute({
      method: 'get',
      path: PATH,
      operationId: 'listSwitches',
      summary: 'What is switched off, as far as the caller may know of it.',
      scopes: ['admin', 'sources'],
      query: switchPageSchema,
      answers: [{ status: 200, description: 'A page; without `next` it was the last.', schema: switchesSchema }],
      handle: async ({ context, query }) => ({
        status: 200,
        body: await switches.list(context, query.after, query.limit === undefined ? DEFAULT_PAGE : Number(query.limit)),
      }),
    }),
    callRoute({
      method: 'post',
      path: PATH,
      operationId: 'throwSwitch',
      summary: 'Switch off a document, a source, an application, a person, the tenant or everything, for every request from now on.',
      scopes: ['admin', 'sources'],
      body: { schema: throwSwitchSchema, bytes: config.limits.requestBytes },
      answers: [
        { status: 200, description: 'It was off already; this is how it was thrown.', schema: switchSchema },
        { status: 201, description: 'It is off.', schema: switchSchema },
      ],
      async handle({ context, body: { kind, id, reason } }) {
        const { thrown, resource } = await switches.throw(context, { kind, id }, reason);
        return { status: thrown ? 201 : 200, body: resource };
      },
    }),
    ...liftRoutes(services),
  ];
}

function liftRoutes({ switches }: HttpServices): readonly CallRoute[] {
  return [
    callRoute({
      method: 'delete',
      path: PATH,
      operationId: 'liftSwitch',
      summary: 'Switch on again. The tenant and everything take two people: the first proposes, the second confirms.',
      scopes: ['admin', 'sources'],
      query: switchNameSchema,
      answers: [
        { status: 200, description: 'It is on again.', schema: liftSchema },
        { status: 202, description: 'Proposed; another person has to confirm by doing the same.', schema: liftSchema },
      ],
      async handle({ context, query: { kind, id } }) {
        const lift = await switches.lift(context, { kind, id });
        return { status: lift.state === 'lifted' ? 200 : 202, body: lift };
      },
    }),
    callRoute({
      method: 'delete',
      path: `${PATH}/proposals`,
      operationId: 'withdrawSwitchLift',
      summary: 'Take back a proposal to switch the tenant or everything on again, one of your own or of somebody else.',
      scopes: ['admin'],
      query: twoPersonNameSchema,
      answers: [{ status: 204, description: 'Nothing is proposed any more.' }],
      async handle({ context, query: { kind } }) {
        await switches.withdrawLift(context, { kind, id: undefined });
        return { status: 204 };
      },
    }),
  ];
}
