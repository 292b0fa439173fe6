/**
 * What closing a connection leaves open. The driver has no way to end a statement: the garbage collector does it, and
 * until then SQLite keeps the files of the closed connection open. A program that opens and closes faster than it
 * produces garbage would run out of file handles, so the collector is asked to run once in so many times.
 */
import * as v8 from "node:v8"
import * as vm from "node:vm"

/** A collection takes some ten milliseconds, a connection some three handles. */
const every = 16

let closed = 0
let collect: (() => void) | undefined

/** To be called after each connection that was closed. */
export const release = (): void => {
  if (++closed % every !== 0) return
  if (collect === undefined) {
    // the one way to reach the collector from a program that was not started with this flag
    v8.setFlagsFromString("--expose-gc")
    collect = vm.runInNewContext("gc") as () => void
  }
  collect()
}
