import {
  closesAtEveryTenth,
  cut,
  endless,
  oneByteASecond,
  oneWrongByte,
  says,
  stallsAfterHeaders,
  stallsBeforeHeaders,
  wrongLength,
} from "./behaviours.ts";
import { PRESENT_HEADER } from "../../../src/peer/protocol.ts";
import type { Behaviour } from "./exchange.ts";

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
