/** Scuti as a release: `main.ts` with a name, so that it brings its tables up to date by itself. */
process.env.RELEASE_NAME ||= "scuti"
await import("./main.ts")
