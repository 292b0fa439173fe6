import { defineProject } from "vitest/config"

// The first test of a file waits for the compiler to read Effect's types.
export default defineProject({ test: { name: "types", include: ["*.test.ts"], testTimeout: 120_000 } })
