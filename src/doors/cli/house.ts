import type { SwitchKind } from '../../core/ports/catalog.ts';
import type { Connector } from './sync-source.ts';

export interface ClientSettings {
  readonly url: string;
  readonly token: string | undefined;
}

export interface PolicyReport {
  /** What is wrong with the files themselves; no case was run where there is any. */
  readonly problems: readonly string[];
  readonly passed: number;
  readonly failed: readonly {
    readonly file: string;
    readonly who: string;
    readonly action: string;
    readonly purpose: string;
    readonly zone: string;
    readonly expected: string;
    readonly actual: string;
    readonly because: string;
  }[];
}

export type ChainReport =
  | { readonly tenant: string; readonly kind: 'intact'; readonly size: number; readonly head: string }
  | {
      readonly tenant: string;
      readonly kind: 'broken';
      readonly index: number;
      /** Where the place is only known to lie in [index, before). */
      readonly before?: number;
      readonly reason: string;
    };

export interface TreeSelection {
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly uriBase?: string;
  readonly allowEmpty: boolean;
}

/** A switch on the machine itself. `id` as in the API, the issuer always written out. */
export interface LocalSwitch {
  readonly verb: 'off' | 'on' | 'list';
  readonly tenant: string;
  readonly kind: SwitchKind;
  readonly id: string | undefined;
  readonly reason?: string;
  /** Lift what takes two people without a second one. */
  readonly alone: boolean;
}

export interface ListedSwitch {
  readonly kind: SwitchKind;
  readonly id?: string;
  readonly reason: string;
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
  readonly proposal?: { readonly by: string; readonly at: string; readonly until: string };
}

export interface PublicKeyReport {
  readonly kid: string;
  /** ISO 8601. */
  readonly since?: string;
  readonly retired?: string;
}

/** What only the roof can construct, handed to the command line as functions. Their failures become exit codes here. */
export interface House {
  readonly version: string;
  /** Settles when the service has been told to stop and has stopped. */
  serve(options: { readonly development: boolean }): Promise<number>;
  demo(options: { readonly json: boolean; readonly serve: boolean }): Promise<number>;
  explainConfig(): string;
  testPolicy(directory: string | undefined): Promise<PolicyReport>;
  /** `policy.csv` of one tenant, of this directory or the configured one, each line where it stands. Fails where a line is wrong. */
  localPolicy(directory: string | undefined, tenant: string): Promise<string>;
  changeSwitch(wanted: LocalSwitch): Promise<'off' | 'on' | 'proposed'>;
  listSwitches(tenant: string): Promise<readonly ListedSwitch[]>;
  createTenant(wanted: { readonly tenant: string; readonly administrator: string }): Promise<void>;
  /** Every tenant where none is named. */
  verifyAudit(tenant: string | undefined): Promise<readonly ChainReport[]>;
  /** On the machine: writes a ring with a new key in force, and answers all that it holds. */
  rotateKey(kind: 'planned' | 'compromised' | 'lost'): Promise<readonly PublicKeyReport[]>;
  /** On the machine: a log that does not fit its checkpoints goes on under a new name. */
  acceptRollback(wanted: {
    readonly tenant: string;
    readonly reason: string;
  }): Promise<{ readonly tenant: string; readonly former: string; readonly origin: string; readonly size: number }>;
  clientSettings(): ClientSettings;
  /** A secret of another service, by the name of the environment variable that holds it. */
  secret(name: string): string | undefined;
  developmentToken(asked: { readonly issuerUrl: string; readonly person?: string; readonly client: string }): Promise<string>;
  openTree(directory: string, selection: TreeSelection): Promise<{ readonly files: number; readonly connector: Connector }>;
}
