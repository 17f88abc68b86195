import {
  closesAtEveryTenth,
  cut,
  endless,
  oneByteASecond,
  oneWrongByte,
  says,
  slow,
  slowsDown,
  stallsAfterHeaders,
  stallsBeforeHeaders,
  wrongLength,
} from "./behaviours.ts";
import { PRESENT_HEADER } from "../../../src/peer/protocol.ts";
import type { Behaviour } from "./exchange.ts";

const KIB = 1024;

/** Says that it is still receiving the file: what it gives nobody has checked, so that nobody is to blame. */
const saysItIsGrowing: Behaviour = ({ response, file, ...exchange }) => {
  response.setHeader(PRESENT_HEADER, file.length);
  return oneWrongByte()({ ...exchange, response, file });
};

/** Every kind of bad peer that cannot give a right file by itself, or not as it should. */
export const badPeers: Readonly<Record<string, Behaviour>> = {
  "is silent after the request": stallsBeforeHeaders,
  "is silent after its headers": stallsAfterHeaders,
  "sends a wrong byte": oneWrongByte(),
  "sends a short body": cut,
  "names another length": wrongLength,
  "sends a body without a length and without an end": endless({ named: false }),
  "sends on and on after a right body": endless({ named: true }),
  "sends one byte a second": oneByteASecond,
  "says that it has it and answers 404": says(404),
  "answers an error": says(500),
  "says that it has it and gives wrong bytes as if it were still receiving it": saysItIsGrowing,
  "dies at every tenth of the file": closesAtEveryTenth,
};

/** A byte is wrong at the beginning, which comes in time to be taken. */
const sendsWrongBytesSlowly: Behaviour = (exchange) => {
  const file = Buffer.from(exchange.file);
  file[KIB]! ^= 1;
  return slow(40 * KIB)({ ...exchange, file });
};

/** Kinds of peers that give a file so slowly that it takes minutes, but not so slowly that they have stalled. */
export const slowPeers: Readonly<Record<string, Behaviour>> = {
  "sends 40 KiB a second": slow(40 * KIB),
  "sends half of it at once and then 40 KiB a second": slowsDown(40 * KIB),
  "sends 40 KiB a second, and among the first a wrong byte": sendsWrongBytesSlowly,
};

/** One that is still receiving the file, and sends a little more of it each second than would be called stalled. */
export const growsSlowly: Behaviour = (exchange) => {
  exchange.response.setHeader(PRESENT_HEADER, 0);
  return slow(KIB)(exchange);
};
