/** What is used of WebAssembly: TypeScript declares it beside the DOM alone. */
declare namespace WebAssembly {
  /** Throws a RangeError where there is no room for it. */
  class Memory {
    /** `initial`: pages of 64 KiB. */
    constructor(descriptor: { initial: number });
    readonly buffer: ArrayBuffer;
  }
}
