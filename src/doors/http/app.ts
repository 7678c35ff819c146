import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { AppError } from '../../core/errors.ts';
import { cutOffUnread } from '../entrance/body.ts';
import type { HttpDoorConfig } from './config.ts';
import { dataHeaders } from './headers.ts';
import { askedUnder } from '../entrance/host-names.ts';
import type { InFlight } from '../entrance/in-flight.ts';
import { callerOf, refuse, serveCall, serveDownload, serveStream, type Pipeline } from './pipeline.ts';
import { beginRequest, stateOf } from '../entrance/request-state.ts';
import { expressPath, type Route } from './route.ts';
import { SCIM_DIALECT } from './scim/dialect.ts';

const V1 = '/v1';
const SCIM = '/scim';
/** Below these nobody without a token learns even which paths there are, and nothing is kept on the way. */
const GUARDED = [V1, SCIM];

function guarded({ mounted }: Pipeline): readonly string[] {
  return [...GUARDED, ...mounted.keys()];
}

/**
 * Whether a page of another origin sent this: then a browser is led where it should not go (DNS rebinding). Whoever is no page sends no
 * origin. Where this service checks the host it was asked under, that one's origin is its own too.
 */
function isForeign(req: Request, publicUrl: string, hostIsChecked: boolean): boolean {
  const { origin, host } = req.headers;
  if (origin === undefined || origin === new URL(publicUrl).origin) return false;
  return !hostIsChecked || origin !== `http://${host ?? ''}`;
}

/** First on every request: its id, its clock, and whether this replica takes it at all. */
function begin(pipeline: Pipeline, config: HttpDoorConfig, inFlight: InFlight) {
  const isNamed = askedUnder(config.allowedHosts);
  return (req: Request, res: Response, next: NextFunction): void => {
    inFlight.begin();
    const state = beginRequest(req, res, {
      telemetry: pipeline.telemetry,
      deadlineMs: config.limits.deadlineMs,
      onEnd: () => inFlight.end(),
    });
    res.setHeader('X-Request-Id', state.requestId);
    if (guarded(pipeline).some((prefix) => req.url.startsWith(prefix))) res.setHeader('Cache-Control', 'no-store');
    cutOffUnread(req, res);
    state.telemetry.run(() => {
      if (pipeline.stop.aborted) refuse(pipeline, req, res, new AppError('shutting_down', { retryAfter: 1 }));
      else if (!isNamed(req)) refuse(pipeline, req, res, new AppError('misdirected'));
      else if (pipeline.mounted.has(req.path) && isForeign(req, pipeline.publicUrl(), config.allowedHosts !== undefined))
        refuse(pipeline, req, res, new AppError('foreign_origin'));
      else next();
    });
  };
}

async function servePublic(pipeline: Pipeline, route: Extract<Route, { kind: 'public' }>, req: Request, res: Response): Promise<void> {
  stateOf(req).route = route.path;
  try {
    await route.handle(req, res);
  } catch (error) {
    refuse(pipeline, req, res, error);
  }
}

function mount(app: Express, pipeline: Pipeline, route: Route): void {
  app[route.method](expressPath(route.path), async (req: Request, res: Response) => {
    switch (route.kind) {
      case 'public':
        return servePublic(pipeline, route, req, res);
      case 'call':
        return serveCall(pipeline, route, req, res);
      case 'stream':
        return serveStream(pipeline, route, req, res);
      case 'download':
        return serveDownload(pipeline, route, req, res);
    }
  });
}

async function refuseAuthenticated(pipeline: Pipeline, req: Request, res: Response, error: AppError): Promise<void> {
  const under = guarded(pipeline).find((prefix) => req.path === prefix || req.path.startsWith(`${prefix}/`));
  const dialect = under === SCIM ? SCIM_DIALECT : undefined;
  try {
    if (under !== undefined) await callerOf(pipeline, req, stateOf(req));
    refuse(pipeline, req, res, error, undefined, dialect);
  } catch (failure) {
    refuse(pipeline, req, res, failure, undefined, dialect);
  }
}

function mountRefusals(app: Express, pipeline: Pipeline, routes: readonly Route[]): void {
  for (const path of new Set(routes.map((route) => route.path))) {
    const allow = routes
      .filter((route) => route.path === path)
      .map((route) => route.method.toUpperCase())
      .join(', ');
    const open = routes.every((route) => route.path !== path || route.kind === 'public');
    app.route(expressPath(path)).all((req: Request, res: Response) => {
      stateOf(req).route = path;
      res.setHeader('Allow', allow);
      if (open) return refuse(pipeline, req, res, new AppError('method_not_allowed'));
      return refuseAuthenticated(pipeline, req, res, new AppError('method_not_allowed'));
    });
  }
  app.use((req: Request, res: Response) => refuseAuthenticated(pipeline, req, res, new AppError('not_found')));
}

export function createApp(pipeline: Pipeline, config: HttpDoorConfig, routes: readonly Route[], inFlight: InFlight): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.set('query parser', false);
  app.set('trust proxy', config.trustedProxies === undefined ? false : [...config.trustedProxies]);
  app.use(begin(pipeline, config, inFlight));
  app.use(dataHeaders());
  for (const route of routes) mount(app, pipeline, route);
  mountRefusals(app, pipeline, routes);
  // What the router itself could not do, such as decoding a path.
  app.use((error: unknown, req: Request, res: Response, _next: NextFunction) => refuse(pipeline, req, res, error));
  return app;
}
