# The service alone: production dependencies, no Qdrant binary, no tests, and without oidc-provider no
# development issuer. Give it QDRANT_URL.
# Runs as an ordinary user on a read-only root file system; only /data is written, and with DATABASE_URL little of that.
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
# TypeScript comes along as a peer of the Qdrant client, for its types; Node strips types by itself.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund \
  && rm -rf node_modules/typescript node_modules/.bin/tsc

FROM ${NODE_IMAGE}
ENV NODE_ENV=production SLUICE_HOST=0.0.0.0 SLUICE_DATA_DIR=/data
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY package.json LICENSE* ./
COPY bin ./bin
COPY scripts/node-version.js ./scripts/
COPY migrations ./migrations
COPY connectors ./connectors
COPY policies ./policies
COPY src ./src
RUN install -d -o node -g node -m 0700 /data
USER node
VOLUME ["/data"]
EXPOSE 8080 6363
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.SLUICE_PORT || 8080) + '/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# A small young generation: 40 MB less resident, at no cost that could be measured (docs/performance.md).
ENTRYPOINT ["node", "--max-semi-space-size=4", "bin/sluice.js"]
CMD ["serve"]
