/** All migrations, by number and name. One that has been released is never changed: what comes later is a new one. */
import { changes } from "./1_changes.ts"

export const migrations = { "1_changes": changes }
