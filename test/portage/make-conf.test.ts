import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseAssignments } from "../../src/portage/assignments.ts";
import { readMakeConf } from "../../src/portage/make-conf.ts";
import { ShellSyntaxError } from "../../src/portage/shell-tokens.ts";
import { rootWith } from "./tree.ts";

const MAKE_CONF = "/etc/portage/make.conf";

/** What `NAME` comes to in a make.conf with this text. */
async function valueIn(text: string): Promise<string | undefined> {
  const { variables, warnings } = await readMakeConf(await rootWith({ [MAKE_CONF]: text }));
  expect(warnings).toEqual([]);
  return variables.get("NAME");
}

describe("a value", () => {
  test.for([
    ["in double quotes", 'NAME="http://a http://b"', "http://a http://b"],
    ["in single quotes", "NAME='http://a http://b'", "http://a http://b"],
    ["without quotes", "NAME=http://a.example:8080/x~y", "http://a.example:8080/x~y"],
    ["of quoted and unquoted parts", `NAME=a"b c"'d e'f`, "ab cd ef"],
    ["that is empty", 'NAME=""', ""],
    ["with blanks around the =", 'NAME = "x"', "x"],
    ["that is exported", 'export NAME="x"', "x"],
    ["with a comment behind it", 'NAME="a#b" # c', "a#b"],
    ["among comments and empty lines", '# NAME="no"\n\nNAME=x\n#end', "x"],
    ["over several lines", 'NAME="a\n  b"', "a   b"],
    ["over several lines, continued by backslashes", 'NAME="a \\\nb \\\n c"', "a b  c"],
    ["with a blank that is escaped", "NAME=/mnt/my\\ files", "/mnt/my files"],
    ["with a quote that is escaped", 'NAME="a \\"b\\""', 'a "b"'],
    ["set twice: the last counts", "NAME=a\nNAME=b", "b"],
    ["with an earlier value", 'A=x\nNAME="${A}/y $A/z"', "x/y x/z"],
    ["with its own earlier value", 'NAME=a\nNAME="${NAME} b"', "a b"],
    ["with an unknown variable", 'NAME="a${NOTHING}b"', "ab"],
    ["with a dollar that is escaped", 'A=x\nNAME="\\$A"', "$A"],
    ["with a dollar at its end", 'NAME="a$"', "a$"],
    ["in a file with line ends of DOS", 'NAME="a"\r\nB=c\r\n', "a"],
    ["continued by backslashes in a file with line ends of DOS", 'NAME="a \\\r\nb"\r\n', "a b"],
    ["with a backslash that is escaped, before a dollar", 'A=x\nNAME="\\\\$A"', "$A"],
    ["with backslashes in single quotes, which say nothing to each other there", "A=x\nNAME='\\\\$A'", "\\$A"],
    ["with escapes outside of quotes, which hold for the quotes alone", "A=x\nNAME=\\$A\\\\b\\\nc", "x\\b c"],
    ["with an apostrophe in double quotes: up to the next one nothing is filled in", `A=x\nNAME="'$A' $A"`, "'$A' x"],
    ["with double quotes of its own, and an apostrophe in them", `A=x\nNAME='"it'"'"'s $A"'`, `"it's x"`],
    ["of a character that no word may hold", "NAME=&", "&"],
    ["with the root of the system", 'NAME="${EPREFIX}${ROOT}var"', "/var"],
  ] as const)("%s", async ([, text, expected]) => {
    expect(await valueIn(text)).toBe(expected);
  });
});

test("make.globals comes first, then /etc/make.conf, then /etc/portage/make.conf; each sees what was set before", async () => {
  const root = await rootWith({
    "/usr/share/portage/config/make.globals": 'DISTDIR="/var/cache/distfiles"\nGENTOO_MIRRORS="http://globals"',
    "/etc/make.conf": 'GENTOO_MIRRORS="${GENTOO_MIRRORS} http://old"',
    [MAKE_CONF]: 'GENTOO_MIRRORS="${GENTOO_MIRRORS} http://new"',
  });
  const { variables } = await readMakeConf(root);
  expect(Object.fromEntries(variables)).toEqual({
    DISTDIR: "/var/cache/distfiles",
    GENTOO_MIRRORS: "http://globals http://old http://new",
  });
});

test("${PORTDIR} is where the main repository is, unless make.conf says otherwise", async () => {
  const files = {
    "/usr/share/portage/config/repos.conf":
      "[DEFAULT]\nmain-repo = gentoo\n[gentoo]\nlocation = /var/db/repos/gentoo\n",
    [MAKE_CONF]: 'DISTDIR="${PORTDIR}/distfiles"\n',
  };
  const distdir = async (makeConf: string) =>
    (await readMakeConf(await rootWith({ ...files, [MAKE_CONF]: makeConf }))).variables.get("DISTDIR");
  expect(await distdir(files[MAKE_CONF])).toBe("/var/db/repos/gentoo/distfiles");
  expect(await distdir(`PORTDIR=/usr/portage\n${files[MAKE_CONF]}`)).toBe("/usr/portage/distfiles");
});

test("what /etc/env.d comes to is as it is written, and all other files go over it", async () => {
  const root = await rootWith({
    "/etc/profile.env": "export http_proxy='http://u:a$1\\@proxy:3128'\nexport DISTDIR='/from/env'\n",
    "/usr/share/portage/config/make.globals": "DISTDIR=/var/cache/distfiles",
    [MAKE_CONF]: 'COPY="${http_proxy}"',
  });
  const { variables, warnings } = await readMakeConf(root);
  expect(warnings).toEqual([]);
  expect(variables.get("COPY")).toBe("http://u:a$1\\@proxy:3128");
  expect(variables.get("DISTDIR")).toBe("/var/cache/distfiles");
});

test("a directory is read file by file, sorted, without dot-files and backups", async () => {
  const root = await rootWith({
    [`${MAKE_CONF}/20-b`]: 'LIST="${LIST} b"',
    [`${MAKE_CONF}/10-a/0-inner`]: 'LIST="inner"',
    [`${MAKE_CONF}/10-a/1-outer`]: 'LIST="${LIST} outer"',
    [`${MAKE_CONF}/30-c~`]: 'LIST="backup"',
    [`${MAKE_CONF}/.hidden`]: 'HIDDEN="yes"',
    [`${MAKE_CONF}/.git/config`]: 'HIDDEN="git"',
    [`${MAKE_CONF}/CVS/Entries`]: 'LIST="cvs"',
    [`${MAKE_CONF}/RCS`]: 'LIST="${LIST} RCS"',
  });
  const { variables, warnings } = await readMakeConf(root);
  expect(Object.fromEntries(variables)).toEqual({ LIST: "inner outer b RCS" });
  expect(warnings).toEqual([]);
});

test("source reads another file in its place, absolute or beside the file, with variables in its name", async () => {
  const root = await rootWith({
    [MAKE_CONF]: 'WHERE=/var/lib/extra\nsource "${WHERE}/make.conf"\nsource mirrors\nLAST="${A} ${B}"',
    "/var/lib/extra/make.conf": "A=extra",
    "/etc/portage/mirrors": "B=beside",
  });
  expect((await readMakeConf(root)).variables.get("LAST")).toBe("extra beside");
});

describe("damage is a warning with file and line, and costs no more than what is damaged", () => {
  test.for([
    ["a quote that is never closed", 'A=1\nB="x\nC=2\n', ':2: the quote " is never closed'],
    ["a word without =", "A=1\nB C=2\n", ':2: "B" is not followed by "="'],
    ["a command", "A=1\nif true; then\n", ':2: "if" is not followed by "="'],
    ["a function", "A=1\nf() {\n", ':2: "f" is not followed by "="'],
    ["no value at the end", "A=1\nB=", ':2: the file ends where a value must follow "="'],
    ["an operator", "A=1\n(B)\n", ':2: "(" stands where a variable name must'],
    ["a name that is none", "A=1\n2B=3\n", ':2: "2B" is no variable name'],
    ["a backslash at the end", "A=1\nB=\\", ":2: the file ends after a backslash"],
  ] as const)("%s", async ([, text, warning]) => {
    const root = await rootWith({ [MAKE_CONF]: text });
    const { variables, warnings } = await readMakeConf(root);
    expect(warnings).toEqual([`${root}${MAKE_CONF}${warning}; the rest of the file is not read`]);
    expect(Object.fromEntries(variables)).toEqual({ A: "1" });
  });

  test.for(["${B:-x}", "${B", "${}", '"$(b)"', '"$ b"', `"$'b'"`])(
    "an expansion that Portage does not know empties only that value: %s",
    async (value) => {
      const root = await rootWith({ [MAKE_CONF]: `A=before\nA=${value}\nC=1\n` });
      const { variables, warnings, damage } = await readMakeConf(root);
      expect(warnings).toEqual([`${root}${MAKE_CONF}:2: only $NAME and \${NAME} can be expanded`]);
      expect(damage).toEqual([]);
      expect(Object.fromEntries(variables)).toEqual({ A: "", C: "1" });
    },
  );

  test.for(["\ufeffA=1\n", "A\u00a0=1\n"])("a blank that is none to Portage: %j", async (text) => {
    const { damage } = await readMakeConf(await rootWith({ [MAKE_CONF]: text }));
    expect(damage).toHaveLength(1);
  });

  test("a sourced file that is not there", async () => {
    const root = await rootWith({ [MAKE_CONF]: "source /etc/absent\nA=1\n" });
    const { variables, warnings } = await readMakeConf(root);
    expect(warnings).toEqual([`${root}/etc/absent: no such file`]);
    expect(variables.get("A")).toBe("1");
  });

  test("files that source one another in a circle, each of them twice", async () => {
    const root = await rootWith({
      [MAKE_CONF]: "source more\nsource more\nA=1\n",
      "/etc/portage/more": "source make.conf\nsource more\nB=1\n",
    });
    const { variables, warnings } = await readMakeConf(root);
    const circles = [1, 2].map((line) => `${root}/etc/portage/more:${line}: files source one another in a circle`);
    expect(warnings).toEqual([...circles, ...circles]);
    expect(Object.fromEntries(variables)).toEqual({ A: "1", B: "1" });
  });
});

test("a box without Portage has no variables and no warnings", async () => {
  const { variables, warnings } = await readMakeConf(await rootWith({}));
  expect(variables.size).toBe(0);
  expect(warnings).toEqual([]);
});

test("any text is either read or refused with a line that it has", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."AB= \n\"'\\$#{}();sourcexpt\r\t".split("")) }), (text) => {
      try {
        for (const { line } of parseAssignments(text)) expect(line).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toBeInstanceOf(ShellSyntaxError);
        expect((error as ShellSyntaxError).line).toBeLessThanOrEqual(text.split("\n").length);
      }
    }),
  );
});
