import type { AuditTables } from './audit-tables.ts';
import type { CatalogTables } from './catalog-tables.ts';
import type { DirectoryTables } from './directory-tables.ts';
import type { EnforcementTables } from './enforcement-tables.ts';

/** Everything in the database. Column types are those that both SQLite and PostgreSQL give back: text and safe integers. */
export type Schema = CatalogTables & DirectoryTables & EnforcementTables & AuditTables;
