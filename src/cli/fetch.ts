import { text } from "node:stream/consumers";
import { toLine } from "../control/ndjson.ts";
import type { FetchEvent } from "../core/report/fetch-event.ts";
import type { RunCommand } from "./command.ts";
import { EXIT } from "./exit-code.ts";
import { printText } from "./print.ts";
import { FetchBoard } from "./fetch-board.ts";
import { parseFetchList } from "./fetch-list.ts";
import type { Io } from "./io.ts";
import { renderFetchBoard, renderFetchEvent, renderFetchSummary } from "./render-fetch.ts";
import { openScreen } from "./screen.ts";

/** `distswarm fetch NAME…|-` */
export const run: RunCommand = async ({ io, args, options, agent }) => {
  const lines = args.includes("-")
    ? [...args.filter((arg) => arg !== "-"), ...parseFetchList(await text(io.stdin))]
    : args;
  const board = new FetchBoard(lines);
  const events = (await agent()).fetch(lines, io.interrupted());
  await (options["json"] === true ? printEvents(events, board, io) : showEvents(events, board, io));
  return board.failed.length > 0 ? EXIT.failed : EXIT.done;
};

async function printEvents(events: AsyncIterable<FetchEvent>, board: FetchBoard, io: Io): Promise<void> {
  for await (const event of events) {
    board.apply(event);
    io.stdout.write(toLine(event));
  }
}

async function showEvents(events: AsyncIterable<FetchEvent>, board: FetchBoard, io: Io): Promise<void> {
  const screen = await openScreen(io);
  try {
    for await (const event of events) {
      const line = renderFetchEvent(event, board.line(event.line));
      board.apply(event);
      if (line !== undefined && !(screen.live && event.event === "started")) screen.print(line);
      screen.draw(() => renderFetchBoard(board));
    }
  } finally {
    screen.clear();
  }
  printText(io, renderFetchSummary(board));
}
