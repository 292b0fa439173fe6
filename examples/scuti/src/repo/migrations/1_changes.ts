/** The journal: one line for each change of the table, and for each gap among them. */
import { SqlClient } from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"

export const changes = Effect.flatMap(
  SqlClient,
  (sql) => sql`
    CREATE TABLE changes (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      run TEXT NOT NULL,
      sequence INTEGER NOT NULL CHECK (sequence > 0),
      operation TEXT NOT NULL CHECK (operation IN ('start', 'put', 'update', 'delete', 'gap')),
      key TEXT,
      value TEXT,
      at TEXT NOT NULL,
      UNIQUE (run, sequence)
    ) STRICT`
)
