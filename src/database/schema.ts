import type { AuditTables } from './audit-tables.ts';
import type { CatalogTables } from './catalog-tables.ts';
import type { DirectoryTables } from './directory-tables.ts';
import type { EnforcementTables } from './enforcement-tables.ts';
import type { IndexTables, SequencerTables } from './evidence-tables.ts';
import type { PointTables } from './point-tables.ts';

/** Everything in the database; tables of the index lie in a file of their own on SQLite. Column types are those that both SQLite and PostgreSQL give back: text and safe integers. */
export type Schema = CatalogTables & DirectoryTables & EnforcementTables & AuditTables & SequencerTables & IndexTables & PointTables;
