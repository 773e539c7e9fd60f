/** Rows for the options that several commands share: what network a file holds, and how it is computed. */
import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { tunedSubject } from "../../../cli/runtime.ts";
import { WebGpuRuntime } from "../../../engine/mod.ts";
import { tunedFile } from "../../../io/mod.ts";
import { withUserCache } from "../../support/user_cache.ts";
import type { Folder } from "../run_command.ts";
import { SMALL_CHECKPOINTS } from "../small_checkpoints.ts";
import { type Materials, OTHER_ANSWERS, TINY_ANSWERS } from "./materials.ts";
import { farthest, type Ran, type Row, type Words } from "./table.ts";

/** A command that runs a network. */
export interface NetworkCommand {
  /** The command line with the options of a network, `--model FILE` or FILE itself among them. */
  line(model: string, options: Words): Words;
  /** All of the outcome that depends on the network, and not on the name of its file. */
  outcome(ran: Ran): unknown;
  /** Whether the network is run: those for pictures in [0, 1] are refused then. */
  readonly runs?: boolean;
  /** Whether a run takes long: one answer is tried then, which all files give. */
  readonly isLong?: boolean;
  /** Options that change nothing of what comes of it, such as the process where layers are timed. */
  readonly ignored?: readonly string[];
  /** Exit code where something is left open; default: 2. */
  readonly openCode?: number;
}

function answers(changed: Readonly<Record<string, string | undefined>> = {}): Words {
  return Object.entries({ ...TINY_ANSWERS, ...changed })
    .flatMap(([option, value]) => value === undefined ? [] : [`--${option}=${value}`]);
}

/** The options that say what network a file holds. */
export function descriptionRows(
  { bare, tiny, saying, sixChannels, evenClassifier }: Materials,
  { line, outcome, runs = false, isLong = false, ignored = [], openCode = 2 }: NetworkCommand,
): readonly Row[] {
  const said = Object.entries(OTHER_ANSWERS).map(([option, { value }]): Row => {
    const left = option === "heads" ? "head-channels" : option;
    // What stands for something where it is not said leaves nothing open.
    if (!(left in TINY_ANSWERS)) {
      return {
        option,
        without: line(bare, answers()),
        given: line(bare, answers({ [option]: value })),
        codes: [0, 0],
        async check(before, given, run): Promise<void> {
          const changes = !ignored.includes(option);
          (changes ? assertNotEquals : assertEquals)(outcome(given), outcome(before));
          if (!isLong) assertEquals(outcome(given), outcome(await run(line(saying[option]!, []))));
        },
      };
    }
    if (isLong) {
      return {
        option,
        without: line(bare, answers({ [left]: undefined })),
        given: line(bare, option === "heads" ? answers({ [left]: undefined, heads: "2" }) : answers()),
        codes: [openCode, 0],
        async check(open, given, run): Promise<void> {
          assertStringIncludes(open.stderr + open.stdout, `--${option} `);
          assertEquals(outcome(given), outcome(await run(line(tiny, []))), "as a file that says it");
        },
      };
    }
    const isRefused = runs && option === "value-range";
    return {
      option,
      without: line(bare, answers({ [left]: undefined })),
      given: line(bare, answers({ [left]: undefined, [option]: value })),
      codes: [openCode, isRefused ? 1 : 0],
      async check(open, given, run): Promise<void> {
        assertStringIncludes(open.stderr + open.stdout, `--${option} `);
        if (isRefused) return assertStringIncludes(given.stderr, '"value_range" is [0, 1]');
        assertEquals(outcome(given), outcome(await run(line(saying[option]!, []))), "as a file that says it");
        assertNotEquals(outcome(given), outcome(await run(line(bare, answers()))));
      },
    };
  });
  const closes = (option: string, value: string, model: string): Row => ({
    option,
    without: line(model, []),
    given: line(model, [`--${option}=${value}`]),
    codes: [openCode, openCode],
    check(open, given): void {
      const asked = (ran: Ran): boolean => (ran.stderr + ran.stdout).includes(`  --${option} `);
      assertEquals([asked(open), asked(given)], [true, false]);
    },
  });
  const { files: [, legacy], answers: said0 } = SMALL_CHECKPOINTS[0]!;
  return [
    ...said,
    closes("network", "unet", sixChannels),
    closes("levels", "2", evenClassifier),
    {
      option: "as",
      without: line(bare, []),
      given: line(bare, ["--as=celeba-hq-256"]),
      codes: [openCode, 1],
      check(open, given): void {
        assertStringIncludes(open.stderr + open.stdout, "--as NAME");
        assertMatch(given.stderr, /as celeba-hq-256: \d+ tensors differ/);
      },
    },
    {
      option: "state-dict",
      without: isLong ? line(bare, answers()) : line(legacy!, said0),
      given: line(legacy!, [...said0, "--state-dict=ema"]),
      codes: [0, 1],
      async check(before, other, run): Promise<void> {
        assertStringIncludes(other.stderr, 'has no state dict "ema", one of these is needed: "state_dict"');
        if (isLong) return;
        assertEquals(outcome(await run(line(legacy!, [...said0, "--state-dict=state_dict"]))), outcome(before));
      },
    },
  ];
}

/** A command that computes on a device. */
export interface DeviceCommand {
  /** A command line that runs on the device, so small that the CPU reference can do it. */
  readonly line: Words;
  /** The numbers that are computed. */
  numbers(ran: Ran): ArrayLike<number> | Promise<ArrayLike<number>>;
  /** How far numbers of two ways to compute may be apart. */
  readonly tolerance: number;
  /** A command line where values that are no numbers come up, and its exit code. */
  readonly spoiled: { readonly line: Words; readonly code: number; readonly scope: RegExp };
}

/** The options that choose the runtime. */
export function runtimeRows(folder: Folder, device: DeviceCommand): readonly Row[] {
  const { line, numbers, tolerance, spoiled } = device;
  return [
    {
      option: "cpu",
      // With a graphics API that has no adapter.
      without: [...line, `--backend=${ABSENT}`],
      given: [...line, `--backend=${ABSENT}`, "--cpu"],
      around: backendRow(line).around!,
      codes: [1, 0],
      async check(none, onCpu, run): Promise<void> {
        assertStringIncludes(none.stderr, "adapter");
        const apart = farthest(await numbers(onCpu), await numbers(await run(line)));
        assert(apart <= tolerance, `${apart} from what the device computes`);
      },
    },
    {
      option: "check-finite",
      without: [...spoiled.line, "--cpu"],
      given: [...spoiled.line, "--cpu", "--check-finite"],
      codes: [spoiled.code, 1],
      check(without, given): void {
        assertMatch(given.stderr, spoiled.scope);
        assertEquals(spoiled.scope.test(without.stderr), false, without.stderr);
      },
    },
    ...providerRows(line),
    convolutionRow(line, device),
    noTunedRow(folder, line),
  ];
}

/** A graphics API that this system does not have. */
const ABSENT = Deno.build.os === "darwin" ? "dx12" : "metal";

/**
 * The adapter that is asked for is one of that graphics API: where there is none, the message names it.
 * @param code of the command line without it
 */
export function backendRow(line: Words, code = 0): Row {
  return {
    option: "backend",
    without: line,
    given: [...line, `--backend=${ABSENT}`],
    codes: [code, 1],
    async around<T>(body: () => Promise<T>): Promise<T> {
      const variable = "DENO_WEBGPU_BACKEND";
      const before = Deno.env.get(variable);
      try {
        return await body();
      } finally {
        if (before === undefined) Deno.env.delete(variable);
        else Deno.env.set(variable, before);
      }
    },
    check(without, given): void {
      const named = `no adapter of the backend "${ABSENT}" was found`;
      assertEquals([without, given].map(({ stderr }) => stderr.includes(named)), [false, true], given.stderr);
    },
  };
}

/** The options that say where adapters come from, and those for what only adapters with subgroup matrices compute. */
export function providerRows(line: Words, code = 0): readonly Row[] {
  const refused = (option: string): Row => ({
    option,
    without: line,
    given: [...line, `--${option}=matrix-f16`],
    codes: [code, 1],
    check(without, given): void {
      const named = "Cannot compute by matrix-f16";
      assertEquals([without, given].map(({ stderr }) => stderr.includes(named)), [false, true], given.stderr);
    },
  });
  return [backendRow(line, code), dawnRow(line, code), refused("matmul"), refused("attention")];
}

/** Dawn is not loaded for an API that only Deno's own WebGPU has, whether it is there or not. */
export function dawnRow(line: Words, code = 0): Row {
  return {
    option: "gpu",
    without: line,
    given: [...line, "--gpu=dawn", "--backend=vulkan"],
    codes: [code, 2],
    check(without, given): void {
      assertEquals([without, given].map(({ stderr }) => stderr.includes("or --gpu dawn")), [false, true], given.stderr);
    },
  };
}

/** Another algorithm gives nearly the same numbers, not the same bits. */
export function convolutionRow(line: Words, { numbers, tolerance }: Pick<DeviceCommand, "numbers" | "tolerance">): Row {
  return {
    option: "convolution",
    without: [...line, "--convolution=direct"],
    given: [...line, "--convolution=winograd4"],
    async check(direct, winograd): Promise<void> {
      const apart = farthest(await numbers(direct), await numbers(winograd));
      assert(apart > 0 && apart <= tolerance, `${apart} apart`);
    },
  };
}

/**
 * Where what tune has stored cannot be read, whoever takes it says so.
 * @param code of the command line, which may end as soon as the device is open
 */
export function noTunedRow(folder: Folder, line: Words, code = 0): Row {
  return {
    option: "no-tuned",
    without: line,
    given: [...line, "--no-tuned"],
    codes: [code, code],
    async around<T>(body: () => Promise<T>): Promise<T> {
      const runtime = await WebGpuRuntime.open();
      runtime.destroy();
      const cache = folder.path(`cache-${line[0]}`);
      const file = tunedFile(tunedSubject(runtime.adapter, "f32"), `${cache}/shortcut`)!;
      Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
      Deno.writeTextFileSync(file, "{");
      return await withUserCache(cache, body);
    },
    check(without, given): void {
      assertMatch(without.stderr, /warning: the tuned choices in ".*" are ignored/);
      assertEquals(given.stderr.includes("tuned choices"), false, given.stderr);
    },
  };
}
