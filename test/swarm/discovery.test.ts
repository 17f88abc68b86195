import type { NetworkInterfaceInfo } from "node:os";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { announcementOf, asksForService, readAnnouncement } from "../../src/swarm/discovery/announcement.ts";
import { LanScope } from "../../src/swarm/discovery/lan-scope.ts";
import { KnownBoxes } from "../../src/swarm/known-boxes.ts";

function ipv4(cidr: string): NetworkInterfaceInfo[] {
  const address = cidr.split("/")[0]!;
  return [{ family: "IPv4", address, cidr, netmask: "255.255.255.0", mac: "00:00:00:00:00:00", internal: false }];
}

const BOX = {
  lo: ipv4("127.0.0.1/8"),
  enp3s0: ipv4("10.13.18.101/24"),
  wlan0: ipv4("192.168.1.7/24"),
  wan: ipv4("203.0.113.9/24"),
  docker0: ipv4("172.17.0.1/16"),
  wg0: ipv4("10.200.0.2/24"),
};

describe("where the swarm is offered", () => {
  it("is every private subnet on a physical link, by default", () => {
    const { addresses } = new LanScope(BOX, []);
    expect(addresses.map(({ link }) => link)).toEqual(["enp3s0", "wlan0"]);
  });

  it.for(["br-0a1b2c3d4e5f", "virbr0", "lxdbr0", "incusbr0", "ve-gentoo", "vz-lab", "waydroid0"])(
    "is not the link %s of containers or virtual machines, which come and go",
    (link) => {
      const before = new LanScope(BOX, []);
      expect(new LanScope({ ...BOX, [link]: ipv4("10.0.3.1/24") }, []).equals(before)).toBe(true);
    },
  );

  it.for(["br0", "bond0", "bond0.7", "enp3s0.20", "veritas0"])("is a link such as %s", (link) => {
    const { addresses } = new LanScope({ [link]: ipv4("10.0.3.1/24") }, []);
    expect(addresses.map((one) => one.link)).toEqual([link]);
  });

  it("lets in whoever comes from a private address, also of a routed LAN, but not from Docker, a VPN or outside", () => {
    const scope = new LanScope(BOX, []);
    const taken = ["10.13.18.102", "192.168.1.200", "10.99.0.1"];
    const refused = ["172.17.0.5", "10.200.0.1", "203.0.113.10", "127.0.0.1", "fe80::1", "nonsense", ""];
    expect(taken.filter((address) => !scope.accepts(address))).toEqual([]);
    expect(refused.filter((address) => scope.accepts(address))).toEqual([]);
  });

  it("is not taken away by a VPN with a wider subnet; containers in a part of the LAN's are none of it", () => {
    const scope = new LanScope(
      { enp3s0: ipv4("10.13.18.101/16"), tun0: ipv4("10.8.0.2/8"), docker0: ipv4("10.13.99.1/24") },
      [],
    );
    expect(scope.accepts("10.13.18.102")).toBe(true);
    expect(scope.accepts("10.13.99.5")).toBe(false);
    expect(scope.accepts("10.200.0.1")).toBe(false);
  });

  it("is what swarm.networks names and nothing else, where it names something", () => {
    const scope = new LanScope(BOX, ["10.200.0.0/24"]);
    expect(scope.addresses.map(({ link }) => link)).toEqual(["wg0"]);
    expect(scope.accepts("10.200.0.1")).toBe(true);
    expect(scope.accepts("10.13.18.102")).toBe(false);
  });

  it("is the one address where this box listens, where the config names one", () => {
    expect(new LanScope(BOX, [], "192.168.1.7").addresses.map(({ link }) => link)).toEqual(["wlan0"]);
  });

  it("says why it is nowhere", () => {
    const problem = (networks: string[], bind?: string, box: object = BOX): string | undefined =>
      new LanScope(box as typeof BOX, networks, bind).problem;
    const { lo, wan, docker0 } = BOX;
    expect(problem([])).toBeUndefined();
    expect(problem([], "10.0.0.5")).toBe("this box has no address 10.0.0.5, as swarm.listen has it");
    expect(problem([], undefined, { lo })).toMatch("no IPv4 address");
    expect(problem([], undefined, { lo, wan, docker0 })).toMatch(
      "(172.17.0.1, 203.0.113.9) none is in a private subnet",
    );
    expect(problem(["10.9.0.0/16"], undefined, { wan })).toBe(
      "of this box's addresses (203.0.113.9) none is in swarm.networks",
    );
    expect(problem([], "203.0.113.9")).toMatch("(203.0.113.9) none is in a private subnet");
  });

  it("names a network that is none", () => {
    for (const network of ["10.0.0.0/33", "10.0.0", "::1/64", "x/8"]) {
      expect(() => new LanScope(BOX, [network])).toThrow(`swarm.networks: ${network} is no IPv4 network`);
    }
  });

  it("changes with the addresses of this box", () => {
    const before = new LanScope(BOX, []);
    expect(before.equals(new LanScope({ ...BOX }, []))).toBe(true);
    expect(before.equals(new LanScope({ ...BOX, enp3s0: ipv4("10.13.18.55/24") }, []))).toBe(false);
    expect(before.equals(new LanScope({ ...BOX, docker0: [] }, []))).toBe(true);
  });
});

describe("an announcement", () => {
  const self = { id: "ab".repeat(32), tag: "0123456789abcdef", port: 8481 };

  it("is read back as it was made, also with its texts as bytes", () => {
    const answers = announcementOf(self);
    expect(readAnnouncement({ answers })).toEqual(self);
    const asBytes = answers.map((record) =>
      record.type === "TXT" ? { ...record, data: (record.data as string[]).map((text) => Buffer.from(text)) } : record,
    );
    expect(readAnnouncement({ answers: asBytes })).toEqual(self);
  });

  it("is none of ours when anything is missing or out of place", () => {
    const answers = announcementOf(self);
    for (const left of answers.slice(1)) {
      expect(readAnnouncement({ answers: answers.filter((record) => record !== left) })).toBeUndefined();
    }
    expect(readAnnouncement({ answers: announcementOf({ ...self, id: "../../etc" }) })).toBeUndefined();
    for (const port of [0, 65_536, 80.5, Number.NaN]) {
      expect(readAnnouncement({ answers: announcementOf({ ...self, port }) })).toBeUndefined();
    }
    expect(readAnnouncement({})).toBeUndefined();
  });

  it("never fails, whatever the records hold", () => {
    const name = fc.constantFrom("x._distswarm._udp.local", "_distswarm._udp.local", "other.local");
    const type = fc.constantFrom("TXT", "SRV", "PTR");
    const record = fc.oneof(fc.anything(), fc.record({ name, type, data: fc.anything() }));
    fc.assert(
      fc.property(fc.array(record), (records) => {
        readAnnouncement({ answers: records });
        asksForService({ questions: records });
      }),
    );
  });
});

describe("known boxes", () => {
  const place = { host: "10.13.18.102", port: 8481 };

  it("keep how a box was found first, and its last places, newest first", () => {
    const boxes = new KnownBoxes();
    expect(boxes.learn("a", place, "mdns")).toBe(true);
    expect(boxes.learn("a", place, "told")).toBe(false);
    for (let number = 1; number <= 3; number += 1) boxes.learn("a", { ...place, port: number }, "told");
    expect(boxes.get("a")).toMatchObject({ found: "mdns", places: [{ port: 3 }, { port: 2 }, { port: 1 }] });
  });

  it("are forgotten after an hour without a sign of them, unless they are connected", () => {
    let now = 0;
    const boxes = new KnownBoxes({ now: () => now });
    boxes.learn("gone", place, "told");
    boxes.learn("here", place, "told");
    now = 3_600_001;
    expect(boxes.forgetLost((id) => id === "here").map(({ id }) => id)).toEqual(["gone"]);
    expect(boxes.all().map(({ id }) => id)).toEqual(["here"]);
  });

  it("are dialled all the time at first, and then for a tenth of it, until something is heard of them", () => {
    let now = 0;
    const boxes = new KnownBoxes({ now: () => now });
    boxes.learn("gone", place, "mdns");
    const isDue = (): boolean => boxes.isDue(boxes.get("gone")!);
    const dueOf = (from: number, to: number): number => {
      let due = 0;
      for (now = from; now < to; now += 1000) due += Number(isDue());
      return due;
    };
    expect(dueOf(0, 300_000)).toBe(300);
    expect(dueOf(300_000, 600_000)).toBe(30);
    boxes.learn("gone", place, "mdns");
    expect(isDue()).toBe(true);
  });

  it("are bounded where peers tell of them, for each peer and for all", () => {
    const boxes = new KnownBoxes();
    for (let number = 0; number < 1000; number += 1) boxes.learn(`box ${number}`, place, "told", "liar");
    expect(boxes.all()).toHaveLength(64);
    for (let number = 0; number < 1000; number += 1) boxes.learn(`more ${number}`, place, "told", `liar ${number}`);
    expect(boxes.all()).toHaveLength(256);
  });

  it("that this box found itself have room, however many it was told of or came by themselves", () => {
    const boxes = new KnownBoxes();
    for (let number = 0; number < 1000; number += 1) boxes.learn(`told ${number}`, place, "told", `liar ${number}`);
    for (let number = 0; number < 1000; number += 1) boxes.learn(`came ${number}`, place, "incoming");
    expect(boxes.all()).toHaveLength(512);
    expect(boxes.learn("found", place, "mdns")).toBe(true);
    expect(boxes.learn("listed", place, "static")).toBe(true);
    expect(boxes.all()).toHaveLength(512);
    expect(boxes.forgetLost(() => true).length).toBeGreaterThan(0); // those that made room are not dialled any more
  });
});
