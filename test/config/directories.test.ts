import { userInfo } from "node:os";
import { expect, test, vi } from "vitest";
import { userDirectories } from "../../src/config/directories.ts";

vi.mock("node:os", async (original) => ({ ...(await original<object>()), userInfo: vi.fn() }));

test.each([{}, { HOME: "" }, { HOME: "relative" }])("a home that %o does not tell is that of passwd", (env) => {
  vi.mocked(userInfo).mockReturnValue({ homedir: "/home/ann" } as ReturnType<typeof userInfo>);
  expect(userDirectories(env).state).toBe("/home/ann/.local/state/distswarm");
});

test("a user whom passwd does not know, as in a container, is at home in /", () => {
  vi.mocked(userInfo).mockImplementation(() => {
    throw new Error("A system error occurred: uv_os_get_passwd returned ENOENT (no such file or directory)");
  });
  expect(userDirectories({})).toEqual({
    configFile: "/.config/distswarm.toml",
    state: "/.local/state/distswarm",
    store: "/.cache/distswarm",
  });
});
