/** The cards whose compilers `gpu-lint` asks, as data. */
import type { CardIdentity } from "./paper_card.ts";
import type { COMPILERS } from "./statistics.ts";

/** A card that a driver of Mesa takes for present. */
export interface CompiledCard {
  /** What it is. */
  readonly title: string;
  /** What plans for it depend on. */
  readonly identity: CardIdentity;
  /** Who compiles. */
  readonly compiler: keyof typeof COMPILERS;
  /** Mesa's Vulkan driver: the name of its description in `icd.d`. */
  readonly driver: "radeon" | "nouveau" | "asahi" | "intel";
  /** The library that stands for the kernel's driver. */
  readonly shim: string;
  /** Environment variables: which card the shim shows, and what the driver prints. */
  readonly environment: Readonly<Record<string, string>>;
  /** Whether the listing of instructions comes on standard output. */
  readonly listsOnOutput: boolean;
}

const LIMITS = {
  maxStorageBufferBindingSize: 2147483644,
  maxBufferSize: 2147483647,
  maxComputeInvocationsPerWorkgroup: 1024,
  maxComputeWorkgroupsPerDimension: 65535,
  maxTextureDimension2D: 16384,
} as const;

function amd(title: string, description: string, id: string): CompiledCard {
  return {
    title,
    identity: {
      description,
      vendor: "4098",
      subgroupMinSize: 32,
      subgroupMaxSize: 64,
      limits: { ...LIMITS, maxComputeWorkgroupStorageSize: 65536, maxStorageBuffersPerShaderStage: 1864135 },
    },
    compiler: "ACO",
    driver: "radeon",
    shim: "libamdgpu_noop_drm_shim.so",
    environment: { AMDGPU_GPU_ID: id, RADV_DEBUG: "shaderstats,asm" },
    listsOnOutput: false,
  };
}

function nvidia(title: string, description: string, chipset: string): CompiledCard {
  return {
    title,
    identity: {
      description,
      vendor: "4318",
      subgroupMinSize: 32,
      subgroupMaxSize: 32,
      limits: {
        ...LIMITS,
        maxBufferSize: 2147483648,
        maxTextureDimension2D: 32768,
        maxComputeWorkgroupStorageSize: 49152,
        maxStorageBuffersPerShaderStage: 524288,
      },
    },
    compiler: "NAK",
    driver: "nouveau",
    shim: "libnouveau_noop_drm_shim.so",
    environment: { NOUVEAU_CHIPSET: chipset, NVK_I_WANT_A_BROKEN_VULKAN_DRIVER: "1", NAK_DEBUG: "print" },
    listsOnOutput: false,
  };
}

function intel(title: string, description: string, platform: string, subgroupMinSize: number): CompiledCard {
  return {
    title,
    identity: {
      description,
      vendor: "32902",
      subgroupMinSize,
      subgroupMaxSize: 32,
      limits: { ...LIMITS, maxComputeWorkgroupStorageSize: 65536, maxStorageBuffersPerShaderStage: 64 },
    },
    compiler: "BRW",
    driver: "intel",
    shim: "libintel_noop_drm_shim.so",
    environment: { INTEL_STUB_GPU_PLATFORM: platform, INTEL_DEBUG: "cs" },
    listsOnOutput: false,
  };
}

/** The cards by name. On Apple's the plan is that of Metal, though a driver of Mesa compiles it. */
export const COMPILED_CARDS = {
  rdna3: amd("AMD RDNA3 (Navi 31)", "AMD Radeon RX 7900 XTX", "navi31"),
  rdna2: amd("AMD RDNA2 (Navi 21)", "AMD Radeon RX 6800", "navi21"),
  ampere: nvidia("NVIDIA Ampere (GA102)", "NVIDIA GeForce RTX 3080", "0x172"),
  ada: nvidia("NVIDIA Ada (AD102)", "NVIDIA GeForce RTX 4090", "0x192"),
  m1: {
    title: "Apple M1 (G13G)",
    identity: {
      description: "Apple M1",
      vendor: "0",
      subgroupMinSize: 32,
      subgroupMaxSize: 32,
      limits: { ...LIMITS, maxComputeWorkgroupStorageSize: 32768, maxStorageBuffersPerShaderStage: 29 },
    },
    compiler: "AGX",
    driver: "asahi",
    shim: "libasahi_noop_drm_shim.so",
    environment: { AGX_MESA_DEBUG: "shaderdb,shaders" },
    listsOnOutput: true,
  },
  xe: intel("Intel Xe (Tiger Lake)", "Intel(R) Iris(R) Xe Graphics", "tgl", 8),
  xe2: intel("Intel Xe2 (Lunar Lake)", "Intel(R) Arc(TM) Graphics 140V", "lnl", 16),
} as const satisfies Record<string, CompiledCard>;

/** Name of a card. */
export type CardName = keyof typeof COMPILED_CARDS;

/** All names, in the order in which cards are compiled for. */
export const CARD_NAMES = Object.keys(COMPILED_CARDS) as readonly CardName[];
