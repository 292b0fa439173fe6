import { fileURLToPath } from "node:url"
import type { ViteUserConfig } from "vitest/config"

/** What every package's tests share; a package's `vitest.config.ts` adds its name. */
export const shared: ViteUserConfig = {
  esbuild: { target: "es2022" },
  test: {
    include: ["test/**/*.test.ts"],
    setupFiles: [fileURLToPath(new URL("./vitest.setup.ts", import.meta.url))]
  }
}
