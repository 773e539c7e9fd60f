import { assertEquals, assertThrows } from "@std/assert";
import { OutputReader } from "../../tools/gpu/compiled_text.ts";
import { readFigures } from "../../tools/gpu/figures.ts";
import { hotLoop } from "../../tools/gpu/hot_loop.ts";
import { COMPILERS, StatisticsError } from "../../tools/gpu/statistics.ts";

/** Two listings: the driver's own kernel, without a loop, and one with a loop of three instructions in two blocks. */
const ACO = `Compute Shader
disasm:
BB0:
	s_endpgm                                                    ; bfb00000
*** SHADER STATS ***
SGPRs: 108
VGPRs: 12
Spilled SGPRs: 0
Spilled VGPRs: 0
Subgroups per SIMD: 32
Instructions: 1
Compute Shader
disasm:
BB0:
	s_branch BB1                                                ; bfa00004
	s_nop 0                                                     ; bf800000
BB2:
	s_branch BB1                                                ; bfa00004
BB1:
	v_fmac_f32_e32 v0, v1, v2                                   ; 56000501
	s_cbranch_scc0 BB2                                          ; bfa10009
BB3:
	s_endpgm                                                    ; bfb00000
*** SHADER STATS ***
SGPRs: 108
VGPRs: 156
Spilled SGPRs: 1
Spilled VGPRs: 2
Code size: 224
Subgroups per SIMD: 8
Instructions: 5
`;

/** What the NVIDIA compiler of Mesa prints at last: the loop is block 1. */
const NAK = `NAK IR after calc_instr_deps:
block 0 [] -> {
      r1        = mov rZ                                               // delay=1
} -> [1]
block.u 1 L2 [0, 1] -> {
      r1        = ffma r1 r2 r3                                        // delay=1
      r1        = ffma r1 r2 r3                                        // delay=1
@p0               bra pT L2                                            // delay=1
} -> [1, 2]
block 2 [1] -> {
                  exit                                                 // delay=1
} -> []
Stage: compute
Instruction count: 5
Static cycle count: 91
Max warps/SM: 12
Spills to mem: 3
Spills to reg: 1
Fills from mem: 4
Fills from reg: 1
Num GPRs: 136
SLM size: 0
`;

const AGX_LINE = "CS shader: 2781 instrs, 2238 alu, 2238 fscib, 260 ic, 21168 code size, 255 gprs, 372 uniforms, " +
  "88 scratch, 384 threads, 1 loops, 22:21 spills:fills, 172 preamble inst";

/** The listing before registers are assigned, the one after it, whose loop is longer, and the preamble without one. */
const AGX_LISTING = `shader: MESA_SHADER_COMPUTE
block0 {
} -> block1
block1 {
   r0 = fma r1, r2, r0
} -> block1 block2 from block0 block1
block2 {
} from block1
block0 {
} -> block1
block1 {
   r0 = fma r1, r2, r0
   stack_load r1
} -> block1 block2 from block0 block1
block2 {
} from block1
block0 {
   uniform_store r0
} from
`;

const BRW = `SIMD8 shader: 900 instructions. 1 loops. 1000 cycles. 7:8 spills:fills, 3 sends, scheduled with mode none.
SIMD16 shader: 6 instructions. 1 loops. 1200 cycles. 0:2 spills:fills, 3 sends, scheduled with mode top-down.
   START B0 (10 cycles)
mov(8)          g1<1>UD         g2<0,1,0>UD
   END B0 ->B1
   START B1 <-B0 <-B2 (100 cycles)
mad(16)         g4<1>F          g5<8,8,1>F
   END B1 ->B2 ->B3
   START B2 <-B1 (100 cycles)
mad(16)         g4<1>F          g5<8,8,1>F
while(16)       JIP:  LABEL0
   END B2 ->B1
   START B3 <-B1 (100 cycles)
send(16)        nullUD
   END B3
`;

Deno.test("each compiler's figures are read from what it prints last", () => {
  assertEquals(COMPILERS.ACO.read(ACO), { registers: 156, spills: 3, occupancy: 8, instructions: 5, hotLoop: 3 });
  assertEquals(COMPILERS.NAK.read(NAK), { registers: 136, spills: 7, occupancy: 12, instructions: 5, hotLoop: 3 });
  assertEquals(COMPILERS.AGX.read(`noise\n${AGX_LINE}\n`, AGX_LISTING), {
    registers: 255,
    spills: 43,
    occupancy: 384,
    instructions: 2781,
    hotLoop: 2,
  });
  assertEquals(COMPILERS.BRW.read(BRW), { registers: 128, spills: 2, occupancy: 16, instructions: 6, hotLoop: 3 });
});

Deno.test("an output without a figure is refused by its name", () => {
  for (
    const [compiler, text, missing] of [
      [COMPILERS.ACO, ACO.replaceAll("Spilled VGPRs", "Spilt"), "Spilled VGPRs"],
      [COMPILERS.NAK, NAK.replace("Max warps/SM", "Warps"), "Max warps/SM"],
      [COMPILERS.AGX, AGX_LINE.replace("gprs", "registers"), "spills:fills"],
      [COMPILERS.BRW, "", "SIMD... shader"],
    ] as const
  ) {
    assertThrows(() => compiler.read(text), StatisticsError, `no "${missing}"`);
  }
});

Deno.test("the hot loop is the largest that holds no other", () => {
  const block = (number: number, instructions: number, ...next: number[]) => ({ number, instructions, next });
  assertEquals(hotLoop([block(0, 9, 1), block(1, 5, 2)]), undefined);
  // Blocks 1 to 4 are a loop around block 2 and around blocks 3 and 4, which goes back twice.
  const nest = [block(0, 9, 1), block(1, 100, 2), block(2, 7, 2, 3), block(3, 8, 3, 4), block(4, 1, 3, 1), block(5, 1)];
  assertEquals(hotLoop(nest), 9);
  // The way back may stand below what follows the loop, and numbers need not be in order.
  assertEquals(hotLoop([block(7, 4, 3), block(3, 5, 4, 9), block(4, 50), block(9, 6, 3)]), 11);
  // The way back may stand above the block that the loop is entered by.
  assertEquals(hotLoop([block(0, 4, 8), block(12, 3, 8), block(8, 5, 10, 13), block(10, 7, 12), block(13, 90)]), 15);
  // A branch that stands below what follows it is no loop.
  assertEquals(hotLoop([block(0, 1, 1, 3), block(1, 2, 2), block(2, 4), block(3, 8, 1)]), undefined);
});

Deno.test("the lines of a process come apart into kernels, and what fails is said", () => {
  const reader = new OutputReader(/^NAK IR/);
  const lines = [
    "a driver's greeting",
    '=== adapter {"vendor":"4318","description":"NVK","subgroupMinSize":32,"subgroupMaxSize":32,"limits":{}}',
    "of a kernel of its own",
    "=== kernel first",
    "NAK IR:",
    "superfluous",
    ...NAK.split("\n"),
    '=== end ""',
    "=== kernel second",
    '=== end "no such type"',
    "=== kernel third",
    "NAK IR:",
  ];
  const ended = lines.map((line) => reader.line(line)).filter((output) => output !== undefined);
  reader.close();
  assertEquals(ended.map(({ key }) => key), ["first", "second"]);
  assertEquals(reader.adapter?.vendor, "4318");
  assertEquals(reader.rest, ["a driver's greeting", "of a kernel of its own"]);
  assertEquals(reader.kernels[0]!.text.includes("superfluous"), false);
  const { figures, errors } = readFigures({ kernels: reader.kernels, listing: "" }, {
    compiler: "NAK",
    listsOnOutput: false,
  });
  assertEquals([...figures.keys()], ["first"]);
  assertEquals(errors, [
    { key: "second", fails: true, text: "no such type" },
    { key: "third", fails: true, text: "the process ended while it was compiled" },
  ]);
});

Deno.test("listings on standard output belong to the last kernels in order", () => {
  const kernels = ["a", "b"].map((key) => ({ key, error: "", text: AGX_LINE }));
  const none = "shader: MESA_SHADER_COMPUTE\nblock0 {\n} from\n";
  const card = { compiler: "AGX", listsOnOutput: true } as const;
  const loops = (listing: string): number[] =>
    [...readFigures({ kernels, listing }, card).figures.values()].map(({ hotLoop }) => hotLoop);
  assertEquals(loops(none + none + AGX_LISTING), [2781, 2]);
  assertEquals(loops(none + AGX_LISTING + none), [2, 2781]);
});
