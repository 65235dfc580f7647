// Objects that every page meets.

export interface Session {
  readonly token: {
    readonly id: string;
    readonly name: string;
    readonly permissions: readonly string[];
    readonly zones: readonly string[] | null;
    readonly accounts: readonly string[] | null;
  };
  /** Whether the token may operate the server. */
  readonly operator: boolean;
  readonly mode: "serve" | "dev";
}

export interface Account {
  readonly id: string;
  readonly name: string;
}

export interface Zone {
  readonly id: string;
  readonly name: string;
  readonly account: Account;
}
