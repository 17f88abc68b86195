import { rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { NetworkKey } from "../../src/swarm/network-key.ts";
import { startBox, type Box } from "../support/box.ts";
import { closeAfterEach } from "../support/close-after-each.ts";

const open = closeAfterEach();

/** A box that knows where `others` are, and has a network key of its own. */
async function box(...others: Box[]): Promise<Box> {
  const peers = others.map(({ config: { swarm } }) => `${swarm.listen.host}:${swarm.listen.port}`);
  const started = await startBox({ config: { swarm: { peers } } });
  open.push(started);
  return started;
}

const keyFileOf = ({ config }: Box): string => join(config.state_dir, "network.key");

/** Writes a key into the file as an administrator does, in place. */
async function place(one: Box, key: string): Promise<void> {
  await writeFile(keyFileOf(one), `${key}\n`);
}

async function warnings({ agent }: Box): Promise<string> {
  return (await agent.api.status()).warnings.join("\n");
}

async function peersOf({ agent }: Box): Promise<string[]> {
  return (await agent.api.status()).swarm.peers.map(({ id }) => id);
}

/** Who is in session with a box, and since when. */
async function sessionsOf({ agent }: Box): Promise<(readonly [string, string | undefined])[]> {
  return (await agent.api.status()).swarm.peers.map(({ id, since }) => [id, since] as const);
}

async function expectPeers(one: Box, ...others: Box[]): Promise<void> {
  const ids = await Promise.all(others.map(async ({ agent }) => (await agent.api.status()).id));
  await expect.poll(async () => (await peersOf(one)).toSorted(), { timeout: 10_000 }).toEqual(ids.toSorted());
}

test("two agents meet when the key of one is placed in the file of the other", async () => {
  const first = await box();
  const second = await box(first);
  await place(second, await first.agent.api.invite());
  await expectPeers(first, second);
  await expectPeers(second, first);
  expect(await second.agent.api.invite()).toBe(await first.agent.api.invite());
});

test("a replaced key ends the session with the box that lacks it, and keeps those that get it too", async () => {
  const first = await box();
  const [stays, goes] = [await box(first), await box(first)];
  for (const other of [stays, goes]) await place(other, await first.agent.api.invite());
  await expectPeers(first, stays, goes);
  const key = NetworkKey.generate().reveal();
  for (const one of [first, stays]) {
    await writeFile(`${keyFileOf(one)}.new`, key, { mode: 0o600 });
    await rename(`${keyFileOf(one)}.new`, keyFileOf(one));
  }
  await expectPeers(goes);
  await expectPeers(first, stays);
  await expectPeers(stays, first);
});

test("a file without a key changes nothing: it is a warning until there is one again", async () => {
  const first = await box();
  const second = await box(first);
  const key = await first.agent.api.invite();
  await place(second, key);
  await expectPeers(first, second);
  const session = await sessionsOf(second);
  await place(second, "dsw1 typed by hand");
  await expect.poll(() => warnings(second)).toMatch(/network\.key: not a network key: .*the agent keeps the key/);
  await rm(keyFileOf(second));
  await expect.poll(() => warnings(second)).toMatch(/network\.key: it is not there; the agent keeps the key/);
  expect(await second.agent.api.invite()).toBe(key);
  expect(await sessionsOf(second)).toEqual(session);
  await second.agent.api.join(key);
  expect(await warnings(second)).not.toContain("network.key");
});

test("a reload reads the file again, also where no change of it can be seen", async () => {
  const first = await box();
  const second = await box(first);
  const elsewhere = join(second.dir, "network.key");
  await writeFile(elsewhere, "no key yet", { mode: 0o600 });
  await rm(keyFileOf(second));
  await symlink(elsewhere, keyFileOf(second)); // the directory in which it changes is not the one that is watched
  await expect.poll(() => warnings(second)).toContain("network.key: not a network key");
  await writeFile(elsewhere, await first.agent.api.invite());
  second.agent.reload(second.config);
  await expectPeers(first, second);
});
