/**
 * The layers of packages/core/src, lowest first. A module imports only from its own row and from rows above it, and
 * never in a circle. `internal/*` means every module of that folder which no row names. A new module is one word here.
 */
const rows = {
  words: [
    "ExitReason",
    "Message",
    "CallError",
    "ChildSpec",
    "SupervisorError",
    "internal/refused",
    "internal/guard",
    "internal/causeLine",
    "internal/carry",
    "internal/messageClass"
  ],
  decisions: [
    "internal/mailbox",
    "internal/deadlines",
    "internal/plan",
    "internal/restarts",
    "internal/fairness",
    "internal/outcome",
    "internal/pubSubTable",
    "internal/pubSubRules"
  ],
  kernel: ["internal/*"],
  behaviours: ["GenServer", "Process", "StateMachine", "Task"],
  supervision: ["Supervisor", "DynamicSupervisor", "PartitionSupervisor", "TaskSupervisor"],
  toolbox: ["Agent", "Registry", "ProcessGroup", "PubSub", "Timer", "Sys"],
  program: ["Application"],
  barrel: ["index"]
}

/** What decisions may know of Effect: data. What runs, waits or is provided is not for them to touch. */
const pureEffect = [
  ...["Array", "BigInt", "Boolean", "Brand", "Cause", "Chunk", "Data", "Duration", "Either", "Equal", "Equivalence"],
  ...["Exit", "FiberId", "Function", "HKT", "Hash", "HashMap", "HashSet", "Inspectable", "Iterable"],
  ...[
    "List",
    "Match",
    "MutableList",
    "MutableQueue",
    "MutableRef",
    "Number",
    "Option",
    "Order",
    "Ordering",
    "Pipeable"
  ],
  ...["Predicate", "Record", "RedBlackTree", "Schema", "SortedMap", "SortedSet", "String", "Struct", "Tuple", "Types"],
  ...["Unify", "Utils"]
]

const core = "^packages/core/src/"
const cluster = "^packages/cluster/src/"
const others = "internal/*"
const named = Object.values(rows)
  .flat()
  .filter((module) => module !== others)

const anyOf = (modules) => `${core}(?:${modules.join("|")})[.]ts$`
const pattern = (modules) =>
  anyOf(
    modules.map((module) =>
      module === others
        ? `(?!(?:${named.filter((name) => name.startsWith("internal/")).join("|")})[.]ts$)internal/.+`
        : module
    )
  )

const error = (name, comment, from, to) => ({ name, comment, severity: "error", from, to })

const layers = Object.keys(rows).map((row, position, names) => {
  const allowed = names.slice(0, position + 1)
  return error(
    `layer-${row}`,
    `A module of the row "${row}" imports only from: ${allowed.join(", ")}.`,
    { path: pattern(rows[row]) },
    { path: core, pathNot: pattern(allowed.flatMap((name) => rows[name])) }
  )
})

const everywhere = pattern(Object.values(rows).flat())

export default {
  forbidden: [
    error("no-cycles", "Types count too: two modules that need each other are one.", {}, { circular: true }),
    error("no-unresolvable", "Nobody has such a module.", {}, { couldNotResolve: true }),
    ...layers,
    ...[
      [{ path: core, pathNot: everywhere }, {}],
      [{ path: core, pathNot: everywhere, orphan: true }, {}],
      [{}, { path: core, pathNot: everywhere }]
    ].map(([from, to]) => error("in-a-row", "Give the module its place in .dependency-cruiser.mjs.", from, to)),
    error(
      "decisions-are-pure",
      "Decisions are plain data and functions: of Effect they import the modules of data, each by its own path.",
      { path: [anyOf(rows.decisions), `${cluster}internal/(?:discovery|peer)[.]ts$`] },
      {
        path: "/node_modules/effect/",
        pathNot: `/node_modules/effect/dist/dts/(?:${pureEffect.join("|")})[.]d[.]ts$`
      }
    ),
    error(
      "cluster-uses-core",
      "Cluster depends on Effect, on Node, and on what core offers to everybody, by its name.",
      { path: cluster },
      { pathNot: [cluster, "/node_modules/effect/", `${core}[^/]+$`], dependencyTypesNot: ["core"] }
    ),
    error(
      "cluster-uses-core-by-name",
      "Other packages are imported by their names, as everybody has to.",
      { path: cluster },
      { path: core, dependencyTypes: ["local"] }
    ),
    error(
      "core-stands-alone",
      "Core depends on Effect and on nothing else.",
      { path: core },
      { pathNot: [core, "/node_modules/effect/"] }
    )
  ],
  options: {
    // an `import type` couples as any other
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["types", "import", "node", "default"],
      extensions: [".ts", ".mjs", ".js"]
    }
  }
}
