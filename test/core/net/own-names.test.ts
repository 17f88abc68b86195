import { hostname } from "node:os";
import { expect, test } from "vitest";
import { namesOf, ownNames } from "../../../src/core/net/own-names.ts";

const NOTHING = { hosts: "", resolvConf: "" };

test("a box has its host name, and that without its domain", () => {
  expect(namesOf("Box", NOTHING)).toEqual(["box"]);
  expect(namesOf("box.example.org", NOTHING)).toEqual(["box.example.org", "box"]);
  expect(ownNames()).toContain(hostname().toLowerCase());
});

test("it has the names that stand beside its own in hosts, and no others", () => {
  const hosts = "127.0.0.1 localhost # box\n192.168.1.10\tbox.example.org box\n192.168.1.11 other.example.org other\n";
  expect(namesOf("box", { ...NOTHING, hosts })).toEqual(["box", "box.example.org"]);
});

test("the root domain, which some networks give, adds no name", () => {
  expect(namesOf("box", { ...NOTHING, resolvConf: "search .\n" })).toEqual(["box"]);
});

test("it has its name in each domain that short names are looked up in; the last line counts", () => {
  const resolvConf = "nameserver 192.168.1.1\ndomain old.lan\nsearch Example.org. fritz.box\n";
  expect(namesOf("box", { ...NOTHING, resolvConf })).toEqual(["box", "box.example.org", "box.fritz.box"]);
});
