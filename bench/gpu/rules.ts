/** What the figures of a visit decide: each rule compares figures with a bound, and says what follows. */

/** A line that a step printed. */
export type VisitRow = Readonly<Record<string, unknown>>;

/** What the steps printed, by their names. */
export type VisitRows = Readonly<Record<string, readonly VisitRow[]>>;

/** What a rule came to. */
export interface Decision {
  readonly rule: string;
  /** `keep`: nothing follows; `change`: something should be done; `stop`: no figure can be trusted. */
  readonly verdict: "keep" | "change" | "stop";
  /** The figures, and what follows from them. */
  readonly text: string;
}

/** A question that figures answer. */
export interface Rule {
  readonly name: string;
  /** One decision for each figure that is there; none where its step did not come to it. */
  readonly decide: (rows: VisitRows) => readonly Decision[];
}

/** Bounds of the rules. */
export const BOUNDS = {
  /** Timestamps and wall time may differ by so much, as part of the wall time. */
  clock: 0.2,
  /** Another form becomes the default if it is so many times as fast. */
  form: 1.05,
  /** A product should reach this part of the ceiling of multiply-adds. */
  ceiling: 0.5,
  /** Milliseconds that all but the passes over the pixels of a norm of 256x256 pixels and 256 channels may take. */
  norm: 0.15,
  /** Part of the ceiling that attention should reach. */
  attention: 0.2,
  /** Microseconds of an empty dispatch that waits for the one before, and of a submit on the host. */
  dispatch: 3,
  submit: 150,
  /** Dawn is worth an option by default if it is so many times as fast. */
  dawn: 1.1,
  /** Part of a network's time that no kernel accounts for. */
  gaps: 0.1,
} as const;

/** All rules, in the order of the steps. */
export const RULES: readonly Rule[] = [
  { name: "clock", decide: clock },
  { name: "verify", decide: verify },
  { name: "dispatches", decide: dispatches },
  { name: "forms", decide: forms },
  { name: "ceiling", decide: ceiling },
  { name: "norm", decide: norm },
  { name: "attention", decide: attention },
  { name: "networks", decide: networks },
  { name: "dawn", decide: dawn },
  { name: "tune", decide: tune },
];

/** Applies all rules. */
export function decide(rows: VisitRows): readonly Decision[] {
  return RULES.flatMap((rule) => rule.decide(rows));
}

function clock(rows: VisitRows): readonly Decision[] {
  return withNumbers(rows.clock, "nanosecondsPerTick").map((row) => {
    const tick = row.nanosecondsPerTick;
    const isNanosecond = Math.abs(tick - 1) <= BOUNDS.clock;
    return decision("clock", isNanosecond, `a tick of the timestamps is ${tick.toPrecision(3)} ns by wall time`, {
      keep: "timestamps are nanoseconds",
      change: "check that the engine has found this tick: its rates are compared with wall time below",
    });
  });
}

function verify(rows: VisitRows): readonly Decision[] {
  return ["verify", "verify-f16"].flatMap((step) => {
    const failed = (rows[step] ?? []).filter(({ status }) => status === "FAILED");
    const passed = (rows[step] ?? []).filter(({ status }) => status === "ok");
    if (failed.length + passed.length === 0) return [];
    const text = `${step}: ${failed.length} quantities differ, ${passed.length} agree`;
    return [
      {
        rule: "verify",
        verdict: failed.length > 0 ? ("stop" as const) : ("keep" as const),
        text: failed.length > 0 ? `${text}: some form is wrong here, and no time below counts` : text,
      },
    ];
  });
}

function dispatches(rows: VisitRows): readonly Decision[] {
  const found = (what: string, key: string): number | undefined =>
    medianOf(rows.rates?.findLast((row) => row.what === what)?.[key]);
  const gap = found("dependent dispatch", "microseconds");
  const host = found("submit", "hostMicroseconds");
  return [
    ...(gap === undefined ? [] : [
      decision("dispatches", gap <= BOUNDS.dispatch, `an empty dependent dispatch takes ${gap.toPrecision(3)} us`, {
        keep: `at most ${BOUNDS.dispatch} us`,
        change: `more than ${BOUNDS.dispatch} us: fuse small kernels before large ones are made faster`,
      }),
    ]),
    ...(host === undefined ? [] : [
      decision("dispatches", host <= BOUNDS.submit, `a submit takes ${host.toPrecision(3)} us on the host`, {
        keep: `at most ${BOUNDS.submit} us`,
        change: `more than ${BOUNDS.submit} us: let a submit hold more operations`,
      }),
    ]),
  ];
}

/** The forms of a layer, the default first. */
interface Forms {
  readonly kernel: string;
  readonly default: Numbered<"gflopPerSecond">;
  readonly others: readonly Numbered<"gflopPerSecond">[];
}

function formsByLayer(rows: VisitRows): readonly Forms[] {
  const all = withNumbers([...(rows.products ?? []), ...(rows.layers ?? [])], "gflopPerSecond");
  return all
    .filter(({ form }) => form === "default")
    .map((row) => ({
      kernel: String(row.kernel),
      default: row,
      others: all.filter(({ kernel, form }) => kernel === row.kernel && form !== "default"),
    }));
}

function forms(rows: VisitRows): readonly Decision[] {
  return formsByLayer(rows).flatMap(({ kernel, default: own, others }) => {
    const [half, single] = [true, false].map(
      (isHalf) =>
        others
          .filter(({ form }) => String(form).endsWith("f16") === isHalf)
          .toSorted((a, b) => b.gflopPerSecond - a.gflopPerSecond)[0],
    );
    const decisions: Decision[] = [];
    if (single) {
      const times = single.gflopPerSecond / own.gflopPerSecond;
      const text = `${kernel}: "${single.form}" is ${times.toFixed(2)} times as fast as the default`;
      decisions.push(
        decision("forms", times < BOUNDS.form, text, {
          keep: "keep the default",
          change: `ship "${single.form}" as the default of this size and device class`,
        }),
      );
    }
    if (half) {
      const best = Math.max(own.gflopPerSecond, single?.gflopPerSecond ?? 0);
      const times = half.gflopPerSecond / best;
      decisions.push(
        decision("forms", times < BOUNDS.form, `${kernel}: "${half.form}" is ${times.toFixed(2)} times`, {
          keep: "half precision gains nothing over the best in f32",
          change: "half precision is worth asking for on this card",
        }),
      );
    }
    return decisions;
  });
}

function ceiling(rows: VisitRows): readonly Decision[] {
  const most = peakOf(rows);
  if (most === undefined) return [];
  // Winograd does fewer operations than are counted: its rate says nothing of the card.
  return formsByLayer({ products: rows.products ?? [] })
    .filter(({ kernel }) => kernel.startsWith("matmul"))
    .map((found) => {
      const part = found.default.gflopPerSecond / most;
      return decision("ceiling", part >= BOUNDS.ceiling, `${found.kernel}: ${percent(part)} of the multiply-adds`, {
        keep: `${percent(BOUNDS.ceiling)} were wanted`,
        change: `${percent(BOUNDS.ceiling)} are wanted: look at registers, occupancy and parts of this tile`,
      });
    });
}

function norm(rows: VisitRows): readonly Decision[] {
  const row = rows.layers?.find(({ kernel, form }) => kernel === "groupNorm 256@256x256" && form === "default");
  const parts = Object.entries((row?.parts ?? {}) as Readonly<Record<string, number>>);
  if (parts.length === 0) return [];
  const passes = parts.filter(([label]) => /finish|merge/.test(label));
  const time = passes.reduce((sum, [, milliseconds]) => sum + milliseconds, 0);
  const text = `groupNorm 256@256x256: merging statistics takes ${time.toPrecision(3)} ms`;
  return [
    decision("norm", time <= BOUNDS.norm, text, {
      keep: `at most ${BOUNDS.norm} ms`,
      change: `more than ${BOUNDS.norm} ms: split the statistics over more workgroups`,
    }),
  ];
}

function attention(rows: VisitRows): readonly Decision[] {
  const most = peakOf(rows);
  if (most === undefined) return [];
  return formsByLayer({ layers: rows.layers ?? [] })
    .filter(({ kernel }) => kernel.startsWith("attention"))
    .map((found) => {
      const part = found.default.gflopPerSecond / most;
      return decision("attention", part >= BOUNDS.attention, `${found.kernel}: ${percent(part)} of the multiply-adds`, {
        keep: `${percent(BOUNDS.attention)} were wanted`,
        change: `${percent(BOUNDS.attention)} are wanted: split keys over more workgroups, or queries over more lanes`,
      });
    });
}

function networks(rows: VisitRows): readonly Decision[] {
  return ["ffhq", "imagenet-256"].flatMap((network) => {
    const own = medianOf(rows[network]?.find(({ kind }) => kind === "network")?.nfeMilliseconds);
    if (own === undefined) return [];
    const peers = withNumbers(rows.torch, "ms").filter((row) => row.network === network && row.what === "network");
    const kernels = rows[network]?.find(({ kind }) => kind === "kernels of a network")?.milliseconds;
    const sum = Object.values((kernels ?? {}) as Readonly<Record<string, number>>).reduce((a, b) => a + b, 0);
    const gaps = 1 - sum / own;
    return [
      ...(sum === 0 ? [] : [
        decision(
          "networks",
          gaps <= BOUNDS.gaps,
          `${network}: ${own.toFixed(1)} ms, kernels ${sum.toFixed(1)} ms`,
          {
            keep: "the kernels account for the time",
            change: `${percent(gaps)} is none of the kernels: fewer dispatches and submits`,
          },
        ),
      ]),
      ...peers.map(({ precision, mode, layout, ms }) => {
        const text = `${network}: ${own.toFixed(1)} ms; PyTorch ${precision} ${mode} ${layout} ${ms.toFixed(1)} ms`;
        return decision("networks", own <= ms, text, {
          keep: `${(ms / own).toFixed(2)} times as fast`,
          change: `${(own / ms).toFixed(2)} times as slow`,
        });
      }),
    ];
  });
}

function dawn(rows: VisitRows): readonly Decision[] {
  const own = formsByLayer({ products: rows.products ?? [] });
  return formsByLayer({ products: rows.dawn ?? [] }).flatMap(({ kernel, default: other }) => {
    const known = own.find((found) => found.kernel === kernel);
    if (!known) return [];
    const times = other.gflopPerSecond / known.default.gflopPerSecond;
    return [
      decision("dawn", times < BOUNDS.dawn, `${kernel}: Dawn is ${times.toFixed(2)} times as fast`, {
        keep: "Deno's own provider will do",
        change: "compare the texts of both compilers, or take Dawn",
      }),
    ];
  });
}

function tune(rows: VisitRows): readonly Decision[] {
  return (rows.tune ?? []).flatMap(({ layers, network }) => {
    if (!Array.isArray(layers)) return [];
    const timed = layers.filter(({ times }) => times?.length > 0).length;
    const choices = layers.filter(({ choice }) => choice !== undefined).length;
    const { before, after } = (network ?? {}) as { readonly before?: unknown; readonly after?: unknown };
    const times = typeof before === "number" && typeof after === "number" ? before / after : 1;
    const text = `tune: ${choices} of ${timed} layers of the embedded network beat their default, ` +
      `the whole is ${times.toFixed(2)} times as fast`;
    return [decision("tune", times < BOUNDS.form, text, {
      keep: "the defaults are near the best",
      change: "see tune.jsonl for the layers",
    })];
  });
}

function decision(
  rule: string,
  isKept: boolean,
  figures: string,
  { keep, change }: { readonly keep: string; readonly change: string },
): Decision {
  return { rule, verdict: isKept ? "keep" : "change", text: `${figures}: ${isKept ? keep : change}` };
}

/** A row with a number under a key. */
type Numbered<K extends string> = VisitRow & Readonly<Record<K, number>>;

function withNumbers<K extends string>(rows: readonly VisitRow[] | undefined, key: K): readonly Numbered<K>[] {
  return (rows ?? []).filter((row): row is Numbered<K> => Number.isFinite(row[key]));
}

/** GFLOP/s of multiply-adds in registers. */
function peakOf(rows: VisitRows): number | undefined {
  return withNumbers(rows.rates, "gflopPerSecond").find(({ what }) => what === "multiplyAdds")?.gflopPerSecond;
}

function medianOf(spread: unknown): number | undefined {
  const median = (spread as { readonly median?: unknown } | undefined)?.median;
  return typeof median === "number" ? median : undefined;
}

function percent(part: number): string {
  return `${(100 * part).toFixed(0)} %`;
}
