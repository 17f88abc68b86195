// A client on a host: asks the host's own mirror door for blobs, as Portage does, and tells what came.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { get } from "node:http";
import { answerCalls } from "./calls.mjs";

const DOOR = "http://127.0.0.1:8480/distfiles";

/** The status and the BLAKE2b of the body; throws when the connection breaks. */
async function ask(digest) {
  const [answer] = await once(get(`${DOOR}/${digest.slice(0, 2)}/${digest}`), "response");
  const hash = createHash("blake2b512");
  for await (const bytes of answer) hash.update(bytes);
  return { status: answer.statusCode, digest: hash.digest("hex") };
}

answerCalls({ ask }, true);
