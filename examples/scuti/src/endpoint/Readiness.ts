/**
 * Whether an application is ready to be asked, from what its supervisor tells of its children. Plain data and functions.
 */

export interface Child {
  readonly id: string
  readonly status: "running" | "restarting" | "stopped"
  readonly restart: "permanent" | "transient" | "temporary"
}

/**
 * The children that should be up and are not. One that is not permanent and has ended has done what it was there for;
 * those that may be left out are named.
 */
export const missing = (children: ReadonlyArray<Child>, optional: ReadonlyArray<string>): ReadonlyArray<string> =>
  children
    .filter(
      ({ id, restart, status }) =>
        status === "restarting" || (status === "stopped" && restart === "permanent" && !optional.includes(id))
    )
    .map(({ id }) => id)
