import { defineProject } from "vitest/config"

// The first example waits for the compiler to read Effect's types.
export default defineProject({
  esbuild: { target: "es2022" },
  test: { name: "docs", include: ["test/**/*.test.ts"], testTimeout: 120_000 }
})
