// The package brings no types, and no static import may name it: what is used of it is in oidc-provider-shape.ts.
declare module 'oidc-provider' {
  export const Provider: unknown;
  export const errors: unknown;
}
