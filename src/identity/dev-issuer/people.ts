import type { Scope } from '../../core/caller.ts';

/** Someone the development issuer signs in by name. `id` becomes the `sub`. */
export interface DevPerson {
  readonly id: string;
  readonly tenant: string;
  readonly name: string;
  readonly groups: readonly string[];
  /** Only `employee` is no guest. */
  readonly employment: 'employee' | 'contractor';
}

/** An application. It gets tokens for people of its tenant. */
export interface DevClient {
  readonly id: string;
  readonly tenant: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Whether it also gets tokens for itself, with nobody behind it: then it has all that policy gives the client. */
  readonly actsAlone: boolean;
}

const tenant = 'acme';

function employee(id: string, name: string, ...groups: readonly string[]): DevPerson {
  return { id, tenant, name, groups: ['employees', ...groups], employment: 'employee' };
}

/** The example company. */
export const DEV_PEOPLE: readonly DevPerson[] = [
  employee('alice', 'Alice Okafor, engineer', 'engineering'),
  employee('priya', 'Priya Raman, people partner', 'hr'),
  employee('dana', 'Dana Lindqvist, finance lead', 'finance'),
  employee('sam', 'Sam Whitaker, support agent', 'support'),
  employee('olga', 'Olga Petrenko, owner and administrator', 'owners'),
  employee('ines', 'Inês Duarte, auditor', 'auditors'),
  { id: 'marco', tenant, name: 'Marco Bellini, contractor', groups: ['contractors'], employment: 'contractor' },
];

export const DEV_CLIENTS: readonly DevClient[] = [
  {
    id: 'internal-assistant',
    tenant,
    name: 'Assistant for staff',
    scopes: ['retrieve', 'ingest', 'sources', 'audit', 'admin'],
    actsAlone: false,
  },
  { id: 'customer-assistant', tenant, name: 'Assistant on the public site', scopes: ['retrieve'], actsAlone: true },
  { id: 'connector', tenant, name: 'Ingestion', scopes: ['retrieve', 'ingest', 'sources'], actsAlone: true },
];
