import type { IssuerConfig } from '../core/ports/identity.ts';
import type { Principal } from '../core/principal.ts';

/** Everything a deployment may say, checked. Plain data: nothing here opens or connects. Paths are absolute. */
export interface Config {
  /** `development`: the development issuer stands in for a provider, on loopback only. */
  readonly mode: 'production' | 'development';
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** How callers reach the service, without a slash at the end; undefined: where it listens. */
  readonly publicUrl: string | undefined;
  readonly metrics: MetricsConfig;
  readonly qdrantDoor: QdrantDoorSetting;
  readonly dataDir: string;
  readonly policyDir: string;
  /** The file of keys that checkpoints and manifests are signed with: one file for all replicas. */
  readonly signingKeys: string;
  readonly database: { readonly kind: 'sqlite'; readonly path: string } | { readonly kind: 'postgres'; readonly url: string };
  readonly qdrant: QdrantConfig;
  readonly collection: string;
  /** How its chunks look to clients of the Qdrant-compatible door. */
  readonly collectionPayload: CollectionPayloadConfig;
  /** Empty in development only. */
  readonly issuers: readonly IssuerConfig[];
  readonly embedding: EmbeddingConfig;
  readonly logLevel: LogLevel;
  readonly otlpEndpoint: string | undefined;
  /** Absent: runs of ingestion are told to nobody. */
  readonly lineage?: LineageConfig;
  readonly limits: LimitsConfig;
  /** Who may switch off everything over HTTP. Empty: nobody; it can still be done on the machine. */
  readonly operators: readonly OperatorConfig[];
  readonly index: IndexConfig;
  readonly audit: AuditConfig;
  /** Addresses and networks of reverse proxies; undefined: none, and every peer is a caller. */
  readonly trustedProxies: readonly string[] | undefined;
}

/** Where lineage events are posted, and under which namespace. */
export interface LineageConfig {
  readonly url: string;
  readonly namespace: string;
  readonly token: string | undefined;
}

/** A person of one tenant, through one of these applications. */
export interface OperatorConfig {
  readonly tenant: string;
  readonly user: Principal;
  readonly through: readonly Principal[];
}

/**
 * The Qdrant-compatible door: a listener of its own on the same host. `port` 0: any free one. `publicUrl`: how its clients reach it;
 * undefined: where it listens.
 */
export type QdrantDoorSetting =
  { readonly kind: 'off' } | { readonly kind: 'port'; readonly port: number; readonly publicUrl: string | undefined };

/** `port`: a listener of its own on the same host, without a token. `token`: beside the API, for bearers of this token. */
export type MetricsConfig =
  { readonly kind: 'none' } | { readonly kind: 'port'; readonly port: number } | { readonly kind: 'token'; readonly token: string };

/** `local`: Sluice starts the server; `binary` is used instead of the installed one. `remote`: a server or cluster elsewhere. */
export type QdrantConfig =
  | { readonly kind: 'local'; readonly binary: string | undefined }
  | { readonly kind: 'remote'; readonly url: string; readonly apiKey: string };

export interface IndexConfig {
  /** Of a collection that is made; undefined: as many as the cluster has nodes. */
  readonly shards: number | undefined;
  /** Copies of each shard of a collection that is made. */
  readonly replicas: number;
  /** How often the index is compared with the catalog unasked; 0: never. */
  readonly reconcileMinutes: number;
}

export interface AuditConfig {
  /** Between checkpoints of a log that grew. */
  readonly checkpointSeconds: number;
  /** Where they are given to, beside the data directory. */
  readonly outside: readonly (
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'witness'; readonly url: string; readonly key: string }
    | { readonly kind: 'http'; readonly url: string; readonly token: string | undefined }
  )[];
}

export interface CollectionPayloadConfig {
  /** The payload key under which the text stands. */
  readonly textKey: string;
  /** `payload`: each payload that leaves carries where it came from under `_sluice`. */
  readonly provenance: 'payload' | 'none';
}

export interface EmbeddingConfig {
  /** BCP 47 primary languages; the first is that of documents that name none. */
  readonly languages: readonly [string, ...string[]];
  readonly dense:
    | { readonly kind: 'none' }
    | {
        readonly kind: 'remote';
        readonly url: string;
        readonly model: string;
        readonly apiKey: string | undefined;
        readonly dimension: number;
      }
    | { readonly kind: 'caller'; readonly model: string; readonly dimension: number };
}

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LimitsConfig {
  /** Largest request body, and largest line of a batch, in bytes. */
  readonly bodyBytes: number;
  /** Requests a minute of one client application, over all its users. */
  readonly clientPerMinute: number;
  /** Requests a minute of one user through one client application. */
  readonly userPerMinute: number;
}

/** For commands that talk to a running service. */
export interface ClientConfig {
  readonly url: string;
  readonly token: string | undefined;
}
