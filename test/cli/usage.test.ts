import { describe, expect, onTestFinished, test } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { OLDEST_NODE } from "../../src/core/version.ts";
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

describe("with Node", () => {
  /** Has this process pass for one of another Node. */
  function runBy(node: string): void {
    const { versions } = process;
    Object.defineProperty(process, "versions", { value: { ...versions, node }, configurable: true });
    onTestFinished(() => void Object.defineProperty(process, "versions", { value: versions, configurable: true }));
  }

  test.for(["18.20.8", "20.9.0"])("%s every command says in one line that it is too old", async (node) => {
    runBy(node);
    const { code, out, err } = await distswarm(["agent", "--check"]);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toMatch(
      new RegExp(`^distswarm: /.* is Node ${node}, but distswarm needs ${OLDEST_NODE} or newer: .*\n$`),
    );
  });

  test.for([`${OLDEST_NODE}.0`, "22.0.0"])("%s they run", async (node) => {
    runBy(node);
    const { file } = await temporaryConfig();
    expect((await distswarm(["status", "--config", file])).code).toBe(10);
  });
});
