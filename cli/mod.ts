/** The commands, for the program that is installed. */
export { COMMANDS, commandSpecs, main } from "./main.ts";
