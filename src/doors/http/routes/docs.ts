import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { Request, Response } from 'express';
import { AppError } from '../../../core/errors.ts';
import { pageHeaders } from '../headers.ts';
import type { PublicRoute } from '../route.ts';

const ASSETS: ReadonlySet<string> = new Set(['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png']);

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sluice API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
</head>
<body>
<div id="api"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

// validatorUrl: none, or the page would send the address of this service to a third party.
const START = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#api', validatorUrl: null, persistAuthorization: false });\n`;

function assetDirectory(): string {
  return dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
}

function sendText(res: Response, type: string, text: string): void {
  res.setHeader('Cache-Control', 'no-cache');
  res.setHeader('Content-Type', type);
  res.end(text);
}

function sendAsset(res: Response, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    res.sendFile(name, { root: assetDirectory(), maxAge: 3_600_000, etag: false }, (error?: Error) => {
      // Once bytes have left there is nobody to tell.
      if (error === undefined || res.headersSent) resolve();
      else reject(new AppError('not_found', { cause: error }));
    });
  });
}

/** The page that reads `/openapi.json`, with everything it loads served from here. */
export function docsRoutes(): readonly PublicRoute[] {
  const headers = pageHeaders();
  const withPageHeaders = (req: Request, res: Response, then: () => void | Promise<void>): Promise<void> =>
    new Promise((resolve, reject) => {
      headers(req, res, () => void Promise.resolve(then()).then(resolve, reject));
    });
  return [
    {
      kind: 'public',
      method: 'get',
      path: '/docs',
      operationId: 'docs',
      summary: 'This contract as a page.',
      answers: [{ status: 200, description: 'A page.', mediaType: 'text/html' }],
      handle: (req, res) => withPageHeaders(req, res, () => sendText(res, 'text/html; charset=utf-8', PAGE)),
    },
    {
      kind: 'public',
      method: 'get',
      path: '/docs/{asset}',
      operationId: 'docsAsset',
      summary: 'Scripts and styles of the page.',
      answers: [{ status: 200, description: 'A file.', mediaType: 'application/octet-stream' }],
      handle: (req, res) =>
        withPageHeaders(req, res, () => {
          const asset = req.params['asset'];
          if (asset === 'start.js') return sendText(res, 'text/javascript; charset=utf-8', START);
          if (typeof asset !== 'string' || !ASSETS.has(asset)) throw new AppError('not_found');
          return sendAsset(res, asset);
        }),
    },
  ];
}
