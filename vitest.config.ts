import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // what is waited for comes by an event; how long a busy machine takes for it says nothing
    expect: { poll: { timeout: 20_000 } },
    pool: "forks",
    reporters: ["default", "./test/support/skip-reporter.ts"],
  },
});
