import type { Reporter, TestCase, TestModule, Vitest } from "vitest/node";
import { count } from "../../src/core/text/words.ts";

/** In the name of a test or of what it belongs to: why it is not run. */
const IN_NAME = /\(skipped: (.*?)\)(?= > |$)/;

/** Says at the end of a run why tests were skipped, a line for each reason. */
export default class SkipReporter implements Reporter {
  #isFiltered = false;

  onInit({ config }: Vitest): void {
    this.#isFiltered = config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) => [...module.children.allTests("skipped")]);
    const reasons = skipped.flatMap((test) => reasonOf(test) ?? (this.#isFiltered ? [] : "for no reason that it says"));
    for (const reason of new Set(reasons)) {
      const number = reasons.filter((other) => other === reason).length;
      process.stdout.write(`skipped, ${count(number, "test")}: ${reason}\n`);
    }
  }
}

/** Why a test was skipped, by what it told at run time or by its name. */
function reasonOf(test: TestCase): string | undefined {
  const result = test.result();
  return (result.state === "skipped" ? result.note : undefined) ?? IN_NAME.exec(test.fullName)?.[1];
}
