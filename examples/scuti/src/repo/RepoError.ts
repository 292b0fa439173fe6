/**
 * Why a database does not do what it is asked, in one line for whoever runs the program: which file, what could not be
 * done, why, and what to do about it.
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

/**
 * Kinds of reasons. `locked` may pass by itself; `closed` is what a query meets whose connection is being started again;
 * `failed` is whatever has no word of its own.
 */
export const Reason = Schema.Literal(
  "locked",
  "full",
  "unreachable",
  "unwritable",
  "notADatabase",
  "damaged",
  "notMigrated",
  "closed",
  "failed"
)
export type Reason = typeof Reason.Type

/** The database does not do what it is asked: in one line, what and why. */
export class RepoError extends Schema.TaggedError<RepoError>()("RepoError", {
  reason: Reason,
  message: Schema.String
}) {
  /** Whether another process has the file, and waiting may help. */
  get isLocked(): boolean {
    return this.reason === "locked"
  }
}

/** What SQLite says: the name of its code, where it gave one, and a sentence. */
export interface Fault {
  readonly code: string
  readonly sentence: string
}

const text = (u: unknown): string => (typeof u === "string" ? u : "")

/**
 * What SQLite says, found in what the driver threw. `SqlError` carries it as its cause. A database that cannot be opened
 * has no code there, and the number at the end of the sentence is it.
 */
export const faultOf = (thrown: unknown): Fault => {
  if (!Predicate.isRecord(thrown)) return { code: "", sentence: String(thrown) }
  if (thrown["_tag"] === "SqlError") return faultOf(thrown["cause"])
  const sentence = text(thrown["message"])
  const code = text(thrown["code"])
  if (code === "" && /^ConnectionFailed\(.*: 14"\)$/.test(sentence)) return { code: "SQLITE_CANTOPEN", sentence }
  // some messages begin with the code and some do not
  return { code, sentence: sentence.startsWith(`${code}: `) ? sentence.slice(code.length + 2) : sentence }
}

/** What can be seen of a file that cannot be opened. */
export type Seen = "no directory" | "a directory" | "a file" | "nothing"

const missingTable = (sentence: string): Option.Option<string> =>
  Option.fromNullable(/^no such table: (?:main\.)?(\S+)/.exec(sentence)?.[1])

const line = (file: string, reason: Reason, what: string): RepoError =>
  new RepoError({ reason, message: `the database ${file} ${what}` })

/** The tables are not there. */
export const notMigrated = (file: string, table: string): RepoError =>
  line(file, "notMigrated", `has no table "${table}": run \`npm run migrate\``)

/** Why it could not be done, in one line. `doing` is what it could not be: `"opened"`, `"read"`, `"written"`. */
export const explain = (file: string, doing: string, fault: Fault, seen: Seen = "a file"): RepoError => {
  const because = (reason: Reason, why: string) => line(file, reason, `cannot be ${doing}: ${why}`)
  // an extended code, such as SQLITE_BUSY_SNAPSHOT, begins with the plain one
  const is = (code: string) => fault.code === code || fault.code.startsWith(`${code}_`)
  if (is("SQLITE_BUSY") || is("SQLITE_LOCKED")) {
    return because("locked", "another process has locked it; it is free when that one is done or has ended")
  }
  if (is("SQLITE_FULL")) return because("full", "there is no room left on its disk; make some")
  if (is("SQLITE_CANTOPEN")) {
    const hint = "or set DATABASE_FILE to another file"
    if (seen === "no directory") return because("unreachable", `its directory does not exist; create it, ${hint}`)
    if (seen === "a directory") return because("unreachable", `that is a directory; set DATABASE_FILE to a file in it`)
    return because("unreachable", `this user may not ${seen === "nothing" ? "create" : "read"} it; let it, ${hint}`)
  }
  if (is("SQLITE_NOTADB")) {
    return because("notADatabase", "the file is no SQLite database; set DATABASE_FILE to another file")
  }
  if (is("SQLITE_CORRUPT")) return because("damaged", "the file is damaged; put a copy of it in its place")
  if (is("SQLITE_READONLY") || is("SQLITE_PERM")) {
    return because("unwritable", "this user may not write to it, or to its directory; let it")
  }
  if (fault.sentence === "The database connection is not open") {
    return because("closed", "its connection was closed meanwhile; another one is about to be there")
  }
  if (is("SQLITE_IOERR")) return because("failed", `its disk does not work (${fault.code}); look at the system's log`)
  return Option.match(missingTable(fault.sentence), {
    onNone: () => because("failed", fault.sentence.split("\n", 1)[0] ?? ""),
    onSome: (table) => notMigrated(file, table)
  })
}
