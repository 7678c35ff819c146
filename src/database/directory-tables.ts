/** The tables of the directory: users and groups of issuers that leave them to Sluice. Times are milliseconds since 1970. */
export interface DirectoryTables {
  directories: DirectoryRow;
  directory_users: DirectoryUserRow;
  directory_user_history: DirectoryUserHistoryRow;
  directory_groups: DirectoryGroupRow;
  directory_group_history: DirectoryGroupHistoryRow;
  memberships: MembershipRow;
}

/** What a directory holds, counted; every change of it holds this row, so changes come one after the other. */
export interface DirectoryRow {
  readonly tenant: string;
  readonly issuer: string;
  readonly users: number;
  readonly groups: number;
  readonly memberships: number;
}

interface Entry {
  readonly tenant: string;
  /** UUID, never used again. */
  readonly id: string;
  readonly issuer: string;
  readonly principal: string;
  readonly revision: number;
}

interface Recorded {
  readonly changed_by: string;
  readonly changed_through: string;
  readonly request_id: string;
  readonly recorded_from: number;
  readonly recorded_to: number | null;
}

/** `active` and `guest` are 0 or 1. `user_name_key` is the name as it is compared: lower case. */
export interface DirectoryUserRow extends Entry {
  readonly user_name: string;
  readonly user_name_key: string;
  readonly external_id: string | null;
  readonly display_name: string | null;
  readonly user_type: string | null;
  readonly active: number;
  readonly guest: number;
  readonly created_at: number;
  readonly updated_at: number;
}

export interface DirectoryUserHistoryRow extends Entry, Recorded {
  readonly user_name: string;
  readonly active: number;
  readonly guest: number;
  readonly state: 'live' | 'deleted';
}

export interface DirectoryGroupRow extends Entry {
  readonly title: string;
  readonly title_key: string;
  readonly external_id: string | null;
  /** How many it has itself; those of nested groups not counted. */
  readonly members: number;
  readonly created_at: number;
  readonly updated_at: number;
}

export interface DirectoryGroupHistoryRow extends Entry, Recorded {
  readonly title: string;
  readonly state: 'live' | 'deleted';
}

/** Who was in which group, when. A member is a user or a group, by id. */
export interface MembershipRow {
  readonly tenant: string;
  readonly group_id: string;
  readonly member_id: string;
  readonly recorded_from: number;
  readonly recorded_to: number | null;
}
