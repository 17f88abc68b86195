import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { distswarm, temporaryConfig } from "./cli.ts";

describe("help", () => {
  test.for([[], ["snapshot"], ...COMMANDS.map(({ name }) => name.split(" "))])(
    "of distswarm %s ends with exit codes and an example",
    async (args) => {
      const { code, out, err } = await distswarm([...args, "--help"]);
      expect([code, err]).toEqual([0, ""]);
      expect(out).toMatch(/\nExit codes:\n {2}0 {3}done\n(?: {2}\d+ +\S.*\n)+\nExample:\n {2}.*distswarm .*\n$/);
    },
  );

  test("tells the version", async () => {
    expect((await distswarm(["--version"])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("what cannot be understood is one line and exit code 2", () => {
  test.for([
    [[], "distswarm: no command given; distswarm --help lists them\n"],
    [["statsu"], "distswarm: unknown command 'statsu' (Did you mean status?)\n"],
    [["status", "--jsn"], "distswarm: unknown option '--jsn' (Did you mean --json?)\n"],
    [["agent", "--json"], "distswarm: unknown option '--json'\n"],
    [["explain"], "distswarm: missing required argument 'name|url|digest'\n"],
    [["fetch"], "distswarm: missing required argument 'names'\n"],
    [["snapshot", "lst"], "distswarm: unknown command 'lst' (Did you mean list?)\n"],
    [["gc", "x"], "distswarm: too many arguments for 'gc'. Expected 0 arguments but got 1.\n"],
    [["status", "--config"], "distswarm: option '--config <file>' argument missing\n"],
  ] as const)("%j", async ([args, line]) => {
    expect(await distswarm(args)).toEqual({ code: 2, out: "", err: line });
  });

  test("a config file with a mistake", async () => {
    const { file } = await temporaryConfig("[store]\nmax_sise = 1\n");
    expect(await distswarm(["status", "--config", file])).toEqual({
      code: 2,
      out: "",
      err: `distswarm: ${file}: unknown key store.max_sise; did you mean store.max_size?\n`,
    });
  });
});

test.for(["status", "mirrors", "explain x", "fetch x", "import", "fsck", "gc", "snapshot list", "snapshot pull"])(
  "%s without an agent says how to start one, with exit code 10",
  async (line) => {
    const { file, dir } = await temporaryConfig();
    const { code, out, err } = await distswarm([...line.split(" "), "--config", file]);
    expect([code, out]).toEqual([10, ""]);
    expect(err).toMatch(/^distswarm: no agent is running: nobody listens at .*\. Start it: .*\n$/);
    expect(err).toContain(dir);
  },
);
