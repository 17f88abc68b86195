import { expect, test } from "vitest";
import { statusPage } from "../../src/status/page.ts";
import { SNAPSHOT, STATUS } from "../control/fake-agent.ts";

/** What a reader sees: no head, no tags, one blank between words. */
function textOf(html: string): string {
  return html
    .replace(/^.*<\/head>/s, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ")
    .trim();
}

test("the page says first whether it works, then what came from where and what is kept", () => {
  expect(textOf(statusPage({ ...STATUS, traffic: { today: STATUS, total: STATUS } }))).toBe(
    "distswarm on h1 version 0.1.0, up 2 h 5 min It works. Portage reaches it at 127.0.0.1:8480. " +
      "Given to this box today in total from this box 600.0 MiB 60 % 600.0 MiB 60 % " +
      "from peers 300.0 MiB 30 % 300.0 MiB 30 % from upstream 100.0 MiB 10 % 100.0 MiB 10 % " +
      "saved 900.0 MiB 90 % 900.0 MiB 90 % passed through 40.0 MiB 40.0 MiB given to peers 200.0 MiB 200.0 MiB " +
      "Kept here store 12 blobs 3.00 GiB of 50.0 GiB (6 %) in /var/cache/distswarm " +
      "DISTDIR 5 blobs 1.00 GiB shared from /var/cache/distfiles " +
      "index 18249 distfiles in 3000 Manifests of /var/db/repos/gentoo",
  );
});

test("it shows peers, mirrors with trouble, tree snapshots and what is under way", () => {
  const text = textOf(
    statusPage({
      ...STATUS,
      swarm: {
        peers: [{ id: "cd", host: "h2", address: "10.0.0.2:8481", distfiles: 1, problem: "its port is closed" }],
      },
      mirrors: [
        { url: "http://good", layout: "flat", requests: 1, failures: 0, bytes: 5 },
        { url: "http://bad", layout: "flat", requests: 9, failures: 9, bytes: 0, problem: "no connection" },
      ],
      snapshots: [SNAPSHOT],
      transfers: [{ name: "a.tgz", size: 2 ** 20, received: 2 ** 18, source: "h2", seconds: 1, clients: 1 }],
    }),
  );
  expect(text).toContain("Under way file of from a.tgz 25 % 1.00 MiB h2");
  expect(text).toContain("Peers box address holds h2 10.0.0.2:8481 1 distfile its port is closed");
  expect(text).toContain("Mirrors with trouble mirror http://bad no connection");
  expect(text).not.toContain("http://good");
  expect(text).toContain("Tree snapshots name size gentoo-20261119 50.0 MiB verified");
});

test("what has no column names has no line for them, and numbers stay on one line with their unit", () => {
  const page = statusPage(STATUS);
  expect(page).toContain("<h2>Kept here</h2>\n<table><tr><td>store</td>");
  expect(page).toContain('<td class="n">600.0 MiB</td><td class="n">60 %</td>');
  expect(page).toMatch(/\.n \{[^}]*white-space: nowrap/);
});

test("the bar of a download lies below its name, where a phone has room for it", () => {
  const transfer = { name: "a.tgz", size: 4, received: 1, source: "h2", seconds: 1, clients: 1 };
  expect(statusPage({ ...STATUS, transfers: [transfer] })).toContain(
    '<td>a.tgz<progress max="4" value="1"></progress></td><td class="n">25 %</td>',
  );
});

test("names and warnings from outside are text there, never markup", () => {
  const evil = '<script>alert("x")</script>';
  const page = statusPage({
    ...STATUS,
    host: evil,
    warnings: [evil],
    swarm: { peers: [{ id: "cd", host: evil, address: evil, distfiles: 0 }] },
    transfers: [{ name: evil, size: 1, received: 0, source: evil, seconds: 0, clients: 0 }],
  });
  expect(page).not.toContain("<script");
  expect(page).toContain("&lt;script&gt;");
  expect(statusPage({ ...STATUS, host: "a&lt;b" })).toContain("<h1>distswarm on a&amp;lt;b</h1>");
});
