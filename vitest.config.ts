import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    projects: ["packages/*/vitest.config.ts", "examples/*/vitest.config.ts", "scripts/*/vitest.config.ts"],
    // One of two cores would be left idle otherwise, and half of the tests wait for processes of their own.
    minWorkers: 1,
    maxWorkers: 2
  }
})
