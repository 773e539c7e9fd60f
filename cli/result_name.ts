/** Where a command puts its result. */
import { type Arguments } from "./arguments.ts";
import { UsageError } from "../parameters/mod.ts";

/**
 * The name for results on a command line: the operand after the input, or --out; undefined if there is neither.
 * @throws {UsageError} if there are both
 */
export function resultName(args: Arguments): string | undefined {
  const [, operand] = args.operands;
  const option = args.text("out");
  if (operand !== undefined && option !== undefined) {
    throw new UsageError(`"${operand}" and --out ${option} both name the result; give one of them`);
  }
  return operand ?? option;
}
