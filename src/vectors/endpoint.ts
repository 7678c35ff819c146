/** Where the index answers. `apiKey` is undefined for a server without one. */
export interface QdrantEndpoint {
  /** http or https, without a path. */
  readonly url: string;
  readonly apiKey: string | undefined;
}

/** Asked before every call. Throws `index_unavailable` while there is no server to talk to. */
export type EndpointProvider = () => QdrantEndpoint;
