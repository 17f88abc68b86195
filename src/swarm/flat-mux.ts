import Protomux from "protomux";

/**
 * Protomux without batches, frames that hold several others. Nobody of ours sends any, and one may hold a batch in turn:
 * 16 KB of them overflow the stack, and Protomux lets that error end the process. So who sends one is read no further.
 */
export class FlatMux extends Protomux {
  protected override _onbatch(): void {
    throw new Error("sends a batch of frames");
  }
}
