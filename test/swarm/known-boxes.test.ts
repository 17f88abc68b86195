import { expect, test } from "vitest";
import { KnownBoxes } from "../../src/swarm/known-boxes.ts";

const ID = "ab".repeat(32);
const PLACE = { host: "10.0.0.2", port: 8481 };

test("how a box was found first is what is told of it, until it is heard by multicast", () => {
  const boxes = new KnownBoxes();
  boxes.learn(ID, PLACE, "remembered");
  boxes.learn(ID, PLACE, "incoming");
  expect(boxes.get(ID)?.found).toBe("remembered");
  boxes.learn(ID, PLACE, "mdns");
  boxes.learn(ID, PLACE, "told");
  expect(boxes.get(ID)?.found).toBe("mdns");
});
