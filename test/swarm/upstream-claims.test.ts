import { describe, expect, it } from "vitest";
import { ClaimLan } from "./claim-lan.ts";
import { byRank, claim, claimBlob, expectGrantedAt, held } from "./claiming.ts";

describe("a claim of upstream", () => {
  it("without peers is granted at once", async () => {
    const lan = new ClaimLan(1, () => 1);
    expect((await claim(lan.boxes[0]!)).mine).toBe(true);
    expect(lan.now).toBe(0);
  });

  it("is granted when all peers have acknowledged it, and not before", async () => {
    const lan = new ClaimLan(3, (from) => (from === 2 ? 9 : 2));
    const claiming = claim(lan.boxes[0]!);
    await expectGrantedAt(11, claiming, lan);
  });

  it("is granted after 30 ms, though a peer is silent", async () => {
    const lan = new ClaimLan(3, () => 1);
    lan.boxes[2]!.isDeaf = true;
    const claiming = claim(lan.boxes[0]!);
    await expectGrantedAt(30, claiming, lan);
  });

  it("is granted after a second where nobody answers: they may not hear this box for a moment", async () => {
    const lan = new ClaimLan(3, () => 1);
    lan.boxes[1]!.isDeaf = true;
    lan.boxes[2]!.isDeaf = true;
    const claiming = claim(lan.boxes[0]!);
    await expectGrantedAt(1000, claiming, lan);
    held(await claiming).release({ failed: false });
    expect((await claim(lan.boxes[0]!)).mine).toBe(true); // who let it wait is not waited for again
    expect(lan.now).toBe(1001);
  });

  it("waits again for a peer that let one wait, as soon as it acknowledges one, or connects anew", async () => {
    for (const isNewSession of [false, true]) {
      const lan = new ClaimLan(2, () => 10);
      const [box, peer] = lan.boxes;
      peer!.isDeaf = true;
      const [late] = await Promise.all([claim(box!), lan.run(1000)]);
      held(late).release({ failed: false });
      peer!.isDeaf = false;
      if (isNewSession) {
        lan.disconnect(box!, peer!);
        lan.connect(box!, peer!);
      } else {
        held(await claim(box!)).release({ failed: false });
        await lan.run(1100);
      }
      const [from, claiming] = [lan.now, claim(box!)];
      await expectGrantedAt(from + 20, claiming, lan);
    }
  });

  it("waits for slow peers four times as long as the slowest took that has answered", async () => {
    const lan = new ClaimLan(3, (from, to) => (Math.max(from, to) === 1 ? 10 : 35));
    const claiming = claim(lan.boxes[0]!);
    await expectGrantedAt(70, claiming, lan);
  });

  it("is granted after 250 ms where others claim at the same time, though a peer is silent", async () => {
    const lan = new ClaimLan(3, () => 1);
    const [winner, loser] = byRank(lan.boxes.slice(0, 2));
    lan.boxes[2]!.isDeaf = true;
    const claims = [claim(winner!), claim(loser!)];
    await lan.run(249);
    expect(await lan.isSettled(claims[0])).toBe(false);
    await lan.run(251);
    expect((await Promise.all(claims)).map(({ mine }) => mine)).toEqual([true, false]);
  });

  it("does not wait for the peer whose silence it takes over from", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [stuck, next] = lan.boxes;
    await Promise.all([claim(stuck!), lan.run(10)]);
    lan.silence(stuck!);
    await lan.run(6000);
    expect((await claim(next!)).mine).toBe(true);
    expect(lan.now).toBe(6000);
  });

  it("does not wait for a peer whose session ends", async () => {
    const lan = new ClaimLan(2, () => 1);
    lan.boxes[1]!.isDeaf = true;
    const claiming = claim(lan.boxes[0]!);
    lan.kill(lan.boxes[1]!);
    expect((await claiming).mine).toBe(true);
  });

  it("goes to the box with the lower hash when two claim at the same time, whoever was first by a hair", async () => {
    for (const first of [0, 1]) {
      const lan = new ClaimLan(2, () => 3);
      const [winner, loser] = byRank(lan.boxes);
      const order = first === 0 ? [winner!, loser!] : [loser!, winner!];
      const claims = order.map(async (box, at) => {
        await lan.sleep(at);
        return claim(box);
      });
      await lan.run(100);
      const [one, two] = await Promise.all(claims);
      expect([one!.mine, two!.mine]).toEqual(first === 0 ? [true, false] : [false, true]);
    }
  });

  it("that all know of is followed, whatever the hashes say", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [lower, higher] = byRank(lan.boxes);
    const first = claim(higher!);
    await lan.run(10);
    expect((await first).mine).toBe(true);
    expect(await claim(lower!)).toMatchObject({ mine: false, holder: `name of ${higher!.id}` });
  });

  it("is known to a box that comes later", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [holder, late] = lan.boxes;
    lan.disconnect(holder!, late!);
    expect((await claim(holder!)).mine).toBe(true);
    lan.connect(holder!, late!);
    await lan.run(5);
    expect((await claim(late!)).mine).toBe(false);
  });

  it("that is silent holds up no box that comes later", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [stuck, late] = lan.boxes;
    lan.disconnect(stuck!, late!);
    expect((await claim(stuck!)).mine).toBe(true);
    await lan.run(6000);
    lan.connect(stuck!, late!);
    await lan.run(6005);
    const [taken] = await Promise.all([claim(late!), lan.run(6020)]);
    expect(taken.mine).toBe(true);
  });

  it("of a box that cannot be read from is neither followed nor yielded to: both ask upstream, and a third follows", async () => {
    const lan = new ClaimLan(3, () => 1);
    const [closed, second, third] = byRank(lan.boxes);
    for (const reader of [second!, third!]) lan.closed.add(`${reader.id} ${closed!.id}`);
    const claims = [claim(closed!), claim(second!)];
    await lan.run(10);
    expect((await Promise.all(claims)).map(({ mine }) => mine)).toEqual([true, true]);
    await lan.run(2000);
    const both = (await Promise.all(claims)).map(held);
    expect(both.map(({ lost }) => lost.aborted)).toEqual([false, false]);
    expect(await claim(third!)).toMatchObject({ mine: false, holder: `name of ${second!.id}` });
  });

  it("that fell silent without a byte is taken over, and lost to the one who took over when that has bytes", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [lower, higher] = byRank(lan.boxes);
    const stuck = claim(lower!);
    await lan.run(5100);
    const taken = claim(higher!);
    await lan.run(5200);
    expect(held(await stuck).lost.aborted).toBe(false);
    held(await taken).progress(1000, "upstream");
    await lan.run(5300);
    expect(held(await stuck).lost.aborted).toBe(true);
    expect(held(await taken).lost.aborted).toBe(false);
  });

  it("with bytes is lost by the higher hash when two parts of a LAN meet: that one goes on from the other's", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [a, b] = byRank(lan.boxes);
    lan.disconnect(a!, b!);
    const claims = [held(await claim(a!)), held(await claim(b!))];
    for (const one of claims) one.progress(5, "upstream");
    lan.connect(a!, b!);
    await lan.run(100);
    expect(claims.map(({ lost }) => lost.aborted)).toEqual([false, true]);
  });

  it("with bytes of other boxes alone is lost to one that upstream gives to, whoever has more", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [a, b] = lan.boxes;
    lan.disconnect(a!, b!);
    const [fed, working] = await Promise.all([claimBlob(a!), claimBlob(b!)]);
    fed!.progress(900, "peer");
    fed!.progress(950, "peer");
    working!.progress(5, "upstream");
    lan.connect(a!, b!);
    await lan.run(100);
    expect([fed, working].map((one) => one!.lost.aborted)).toEqual([true, false]);
  });

  it("that goes on from what other boxes gave is as good as one that began there", async () => {
    for (const isFedFirst of [true, false]) {
      const lan = new ClaimLan(2, () => 1);
      const [fed, other] = isFedFirst ? lan.boxes : lan.boxes.toReversed();
      lan.disconnect(fed!, other!);
      const [mine, its] = await Promise.all([claimBlob(fed!), claimBlob(other!, 500)]);
      mine!.progress(900, "peer");
      lan.connect(fed!, other!);
      await lan.run(100);
      expect([mine, its].map((one) => one!.lost.aborted)).toEqual([false, true]);
    }
  });

  it("without bytes is lost by the higher hash when two parts of a LAN meet", async () => {
    const lan = new ClaimLan(2, () => 1);
    const [lower, higher] = byRank(lan.boxes);
    lan.disconnect(lower!, higher!);
    const claims = [held(await claim(lower!)), held(await claim(higher!))];
    lan.connect(lower!, higher!);
    await lan.run(100);
    expect(claims.map(({ lost }) => lost.aborted)).toEqual([false, true]);
    expect(String(claims[1]!.lost.reason)).toContain(`name of ${lower!.id}`);
  });

  it("is one at a time for a blob on a box", async () => {
    const lan = new ClaimLan(1, () => 1);
    const first = held(await claim(lan.boxes[0]!));
    await expect(claim(lan.boxes[0]!)).rejects.toThrow(/claimed here already/);
    first.release({ failed: false });
    first.release({ failed: false });
    expect((await claim(lan.boxes[0]!)).mine).toBe(true);
  });

  it("that is broken off while it waits is told to be over", async () => {
    const lan = new ClaimLan(2, () => 10);
    const enough = new AbortController();
    const claiming = claim(lan.boxes[0]!, enough.signal);
    enough.abort(new Error("the agent is stopping"));
    await expect(claiming).rejects.toThrow("the agent is stopping");
    await lan.run(15);
    expect((await Promise.all([claim(lan.boxes[1]!), lan.run(50)]))[0].mine).toBe(true);
  });
});
