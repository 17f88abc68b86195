import type { Command } from "../src/cli/command.ts";
import { COMMANDS } from "../src/cli/commands.ts";
import { EXIT_CODE_HELP } from "../src/cli/exit-code.ts";
import { documentedOptions, tomlValue } from "../src/config/reference.ts";

/** Longer lines are bad style in a manual's source (mandoc). */
const LINE_LENGTH = 79;

/** The manual page distswarm(1) in mdoc(7), from what the program says of its commands and options. */
export function manual(): string {
  const sections = [HEAD, commands(), configuration(), REST_BEFORE_EXIT, exitStatus(), examples(), END];
  return sections.join("");
}

const HEAD = `.\\" Made from the commands and options of the program (man/manual.ts).
.Dd November 21, 2026
.Dt DISTSWARM 1
.Os
.Sh NAME
.Nm distswarm
.Nd peer-to-peer distfiles agent for Gentoo
.Sh SYNOPSIS
.Nm
.Ar command
.Op Ar option ...
.Op Ar argument ...
.Nm
.Op Ar command
.Fl -help
.Nm
.Fl -version
.Sh DESCRIPTION
One agent runs on every box.
It answers Portage on localhost, asks the other boxes on the LAN for a file by
its digest, and only then goes to a mirror.
It also passes the daily signed snapshot of the Portage tree from box to box.
There is no central server: any box may be off, and the rest carry on.
.Pp
Bytes are trusted by their digest alone, digests by the Manifests on this box,
and trees by Gentoo's signature.
.Pp
A
.Em digest
is the BLAKE2b of a file as Manifests have it, a
.Em blob
a distfile as the store keeps it, by its digest.
The
.Em doors
are where Portage reaches the agent, a
.Em peer
is another box with the same network key, and
.Em upstream
are the mirrors and the hosts in SRC_URI.
.Pp
.Nm
.Cm setup
points Portage at the agent,
.Nm
.Cm status
says whether it works, and
.Nm
.Cm doctor
why it does not.
`;

const COMMON_OPTIONS = `Each takes
.Fl -help ,
and
.Fl -config Ar file
to read another config than
.Pa /etc/distswarm.toml .
All need a running agent but
.Cm agent ,
.Cm invite ,
.Cm join ,
.Cm doctor
and
.Cm setup .
`;

const REST_BEFORE_EXIT = `.Sh SIGNALS
.Bl -tag -width SIGTERM
.It Dv SIGHUP
The agent reads its config again, Portage's own files for what the config leaves
out, and
.Pa network.key ;
no client is dropped.
Where its log goes to a terminal, it ends instead.
The log names what changed, and what only a restart brings into effect.
.It Dv SIGTERM , Dv SIGINT
The agent ends within 5 seconds.
Downloads under way are taken up again after the next start.
.El
.Sh ENVIRONMENT
.Bl -tag -width DISTSWARM_LOG
.It Ev DISTSWARM_LOG
.Dq syslog
begins each line of the agent's log with its priority, as in
.Dq Li <6> .
.It Ev NO_COLOR
Set to anything, it keeps colours out of the agent's log on a terminal.
.It Ev NOTIFY_SOCKET , WATCHDOG_USEC
Set by
.Xr systemd 1 ,
which is told how the agent is.
.It Ev XDG_CONFIG_HOME , XDG_STATE_HOME , XDG_CACHE_HOME
Below these the agent of an ordinary user has its config, its keys and database,
and its store.
.El
.Sh FILES
.Bl -tag -width Ds
.It Pa /etc/distswarm.toml
The config; none is needed.
.It Pa /var/cache/distswarm/blobs
The verified blobs; a directory that Portage can use as it is
.Pq Ev PORTAGE_RO_DISTDIRS .
.It Pa /var/lib/distswarm
Keys, database, and the sockets of the running agent.
.It Pa /var/lib/distswarm/network.key
The network key, a secret: all boxes with the same one share what they have.
Another key that is put there counts at once.
.It Pa /var/lib/distswarm/identity.key
What this box is known by, a secret.
A box made from an image of another one needs its own: delete it before the
first start.
.It Pa /etc/portage/.distswarm-setup
What
.Nm
.Cm setup
has changed, with copies of what was there before.
.El
`;

const END = `.Sh SEE ALSO
.Xr emerge 1 ,
.Xr make.conf 5 ,
.Xr portage 5
`;

/** Text for a line of its own: what roff would take for more than text is escaped, and lines are kept short. */
function plain(text: string): string {
  const escaped = text.replaceAll("\\", "\\e");
  const lines: string[] = [];
  for (const sentence of escaped.split(/(?<=[.;:]) /)) {
    let line = "";
    for (const word of sentence.split(" ")) {
      if (line !== "" && line.length + 1 + word.length > LINE_LENGTH) lines.push(line);
      else if (line !== "") {
        line += ` ${word}`;
        continue;
      }
      line = word;
    }
    lines.push(line);
  }
  return lines.map((line) => `${line.replace(/^(?=[.'])/, "\\&")}\n`).join("");
}

/** Flags as mdoc has them: `--root <dir>` is `.Fl -root Ar dir`. */
function flags(text: string): string {
  const [flag = "", argument] = text.split(" ");
  return `Fl ${flag.slice(1)}${argument === undefined ? "" : ` Ar ${argument.replace(/[<>]/g, "")}`}`;
}

function commandArguments({ arguments: given }: Command): string {
  if (given === undefined) return "";
  return given
    .split(" ")
    .map((word) => {
      const name = word.replace(/[<>[\].]/g, "");
      const many = word.includes("...") ? " ..." : "";
      return word.startsWith("[") ? ` Oo Ar ${name}${many} Oc` : ` Ar ${name}${many}`;
    })
    .join("");
}

function command(command: Command): string {
  const options = Object.entries(command.options ?? {});
  if (command.json !== undefined) options.push(["--json", command.json]);
  const items = options.map(([option, sentence]) => `.It ${flags(option)}\n${plain(sentence)}`);
  const list = items.length === 0 ? "" : `.Bl -tag -width Ds\n${items.join("")}.El\n`;
  return `.It Cm ${command.name}${commandArguments(command)}\n${plain(command.summary)}${list}`;
}

function commands(): string {
  return `.Sh COMMANDS\n${COMMON_OPTIONS}.Bl -tag -width Ds\n${COMMANDS.map(command).join("")}.El\n`;
}

function configuration(): string {
  const items = documentedOptions().map(
    (option) =>
      `.It Ic ${option.key} No (${option.type})\n${plain(`${option.sentence} Default:`)}.Li ${quoted(tomlValue(option))}\n`,
  );
  return `.Sh CONFIGURATION
.Pa /etc/distswarm.toml
is TOML; an unknown key is an error that names it.
.Nm
.Cm agent Fl -check
says what is wrong with it.
A key with a dot stands in a section:
.Ic store.max_size
is
.Ic max_size
in
.Ic [store] .
.Bl -tag -width Ds
${items.join("")}.El
`;
}

/** One argument of a macro. */
function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\e").replaceAll('"', '""')}"`;
}

function exitStatus(): string {
  const codes = EXIT_CODE_HELP.split("\n")
    .slice(1)
    .map((line) => /^ +(\d+) +(.*)$/.exec(line)!);
  return `.Sh EXIT STATUS\n.Bl -tag -width 130\n${codes.map(([, code, text]) => `.It ${code}\n${plain(text ?? "")}`).join("")}.El\n`;
}

function examples(): string {
  return `.Sh EXAMPLES\n${COMMANDS.map(({ summary, example }) => `${plain(summary)}.Pp\n.Dl ${example}\n.Pp\n`).join("")}`.replace(
    /\.Pp\n$/,
    "",
  );
}
