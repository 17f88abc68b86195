import type { MirrorRequest, UpstreamAnswer } from "../core/upstream.ts";
import { withoutFields } from "../core/net/header-fields.ts";

/**
 * How servers refuse HEAD where they would answer GET: 405 and 501 say so, 403 is of those that sign URLs for GET
 * alone.
 */
const REFUSALS = new Set([403, 405, 501]);
/** HEAD knows no ranges (RFC 9110, 14.2): without these, GET has the same head. */
const RANGE_FIELDS = new Set(["range", "if-range"]);

/**
 * Sends a request. A HEAD that is refused is sent again as a GET, whose answer is let go of after its head: its body is
 * not to be read.
 */
export async function sendHeadOrGet(
  request: MirrorRequest,
  send: (request: MirrorRequest) => Promise<UpstreamAnswer>,
): Promise<UpstreamAnswer> {
  const answer = await send(request);
  if (request.method !== "HEAD" || !REFUSALS.has(answer.status)) return answer;
  answer.body.resume();
  const whole = await send({ ...request, method: "GET", headers: withoutFields(request.headers, RANGE_FIELDS) });
  whole.body.destroy();
  return whole;
}
