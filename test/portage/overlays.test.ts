import { expect, test } from "vitest";
import { allRepositories } from "../../src/portage/overlays.ts";
import { readPortage } from "../../src/portage/portage.ts";
import { rootWith } from "./tree.ts";

const REPOS = { repos: ["/main", "/guru"], main: "/main" };

test("without words of make.conf the repositories are those of repos.conf", () => {
  expect(allRepositories(REPOS, new Map())).toEqual(["/main", "/guru"]);
});

test("PORTDIR stands for the main repository, PORTDIR_OVERLAY adds to the others", () => {
  const variables = new Map([
    ["PORTDIR", "/usr/portage/"],
    ["PORTDIR_OVERLAY", "\n /usr/local/portage /guru relative\n"],
  ]);
  expect(allRepositories(REPOS, variables)).toEqual(["/usr/portage", "/guru", "/usr/local/portage"]);
});

test("a box that has its overlays in make.conf alone has them all", async () => {
  const root = await rootWith({
    "/etc/portage/make.conf": "source /var/lib/layman/make.conf\n",
    "/var/lib/layman/make.conf": 'PORTDIR_OVERLAY="/var/lib/layman/a /var/lib/layman/b ${PORTDIR_OVERLAY}"\n',
  });
  const { repos } = await readPortage(root, { listen: [], names: [] });
  expect(repos).toEqual(["/var/lib/layman/a", "/var/lib/layman/b"]);
});
