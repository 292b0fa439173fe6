/**
 * The Repo and those who write to it, as one child of the application.
 *
 * Each is started again by itself. What a Repo's restart takes from the Journal is an attempt or two; it holds what it
 * has to write, and the service it has is the child's place.
 */
import * as Supervisor from "@effect-otp/core/Supervisor"
import * as Schedule from "effect/Schedule"
import * as Repo from "./Repo.ts"
import * as Journal from "./repo/Journal.ts"

/** Who looks after the Repo and the Journal. */
export class RepoSupervisor extends Supervisor.Service<RepoSupervisor>()("@app/Scuti.Repo.Supervisor") {}

/**
 * The Repo, and the Journal that writes what happens to the table.
 *
 * A database that cannot be opened is an error of the first start, and the application does not start. Later it is what
 * a Repo that has crashed finds, and then nothing is gained by giving up: everything but the journal works without it.
 * So the Repo is tried again, fifty times a second, and the intensity is what that cannot reach.
 */
export const layer = <E1 extends Journal.Told, R1, E2 extends Journal.Told, R2>(
  options: Journal.Options<E1, R1, E2, R2>
) =>
  RepoSupervisor.layer({
    strategy: "one_for_one",
    intensity: { restarts: 200, within: "1 second" },
    backoff: Schedule.spaced("20 millis"),
    children: [
      Supervisor.child(Repo.live, { id: "Scuti.Repo", lateBound: [Repo.Repo, Repo.RepoWriter] }),
      Supervisor.worker("Journal", Journal.write(options))
    ]
  })
