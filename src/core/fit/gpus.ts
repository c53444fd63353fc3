/**
 * Memory of graphics cards by their names, in GiB, as the makers state it. What CUDA has of it is less: the driver keeps 0.25 to 0.6 GiB (RTX 3060: 12 GiB,
 * 11.76 for CUDA; RTX 4090: 24 and 23.55; H100: 80 and 79.2).
 */
const cards: readonly (readonly [pattern: RegExp, gibibytes: number])[] = [
  [/\bB300\b/i, 288],
  [/\bG?B200\b/i, 178.9],
  [/\bGH200\b|\bH20\b/i, 96],
  [/\bH200\b/i, 140.4],
  [/\bH100 NVL\b/i, 94],
  [/\bH[18]00\b/i, 80],
  [/\bA100\b(?!.*40)|\bA800\b/i, 80],
  [/\bA100\b/i, 40],
  [/\bL40S?\b|\bL20\b|\bA40\b/i, 48],
  [/\bL4\b|\bA30\b/i, 24],
  [/\bA10G?\b/i, 24],
  [/\bT4\b|\bA16\b|\bA2\b/i, 16],
  [/\bV100\b.*32/i, 32],
  [/\bV100\b|\bP100\b/i, 16],
  [/\bP40\b|\bM40\b/i, 24],
  [/RTX ?PRO ?6000|RTX ?6000 ?(Pro|Blackwell)/i, 95.5],
  [/RTX ?PRO ?5000/i, 48],
  [/RTX ?PRO ?4500/i, 32],
  [/RTX ?PRO ?4000/i, 24],
  [/A6000\b|RTX ?6000 ?Ada|RTX ?5880 ?Ada/i, 48],
  [/A5500\b|A5000\b|RTX ?4500 ?Ada/i, 24],
  [/A4500\b|RTX ?4000 ?Ada/i, 20],
  [/A4000\b|RTX ?2000 ?Ada/i, 16],
  [/RTX ?5000 ?Ada.*Laptop/i, 16],
  [/RTX ?5000 ?Ada/i, 32],
  [/RTX ?3500 ?Ada/i, 12],
  [/Quadro RTX ?8000/i, 48],
  [/Quadro RTX ?6000|TITAN RTX/i, 24],
  [/Quadro RTX ?5000/i, 16],
  [/Quadro P6000/i, 24],
  [/Quadro P5000/i, 16],
  [/\bK80\b/i, 12],
  [/TITAN (V|Xp?)\b/i, 12],
  [/\b5090 ?Laptop/i, 24],
  [/5090\b/i, 32],
  [/5080\b/i, 16],
  [/5070 ?Ti ?Laptop/i, 12],
  [/5070 ?Ti/i, 16],
  [/5070 ?Laptop/i, 8],
  [/5070\b/i, 12],
  [/5060 ?Ti/i, 16],
  [/50[56]0\b/i, 8],
  [/4090 ?Laptop/i, 16],
  [/4090\b/i, 24],
  [/4080 ?Laptop/i, 12],
  [/4080\b/i, 16],
  [/4070 ?Ti ?SUPER/i, 16],
  [/4070 ?Laptop/i, 8],
  [/4070\b/i, 12],
  [/4060 ?Ti/i, 16],
  [/4060\b/i, 8],
  [/4050\b/i, 6],
  [/3090\b/i, 24],
  [/3080 ?Ti ?Laptop/i, 16],
  [/3080 ?Ti/i, 12],
  [/3080\b/i, 10],
  [/3070\b/i, 8],
  [/3060 ?Laptop/i, 6],
  [/3060 ?Ti/i, 8],
  [/3060\b/i, 12],
  [/3050 ?(Ti ?)?Laptop|3050 ?Ti/i, 4],
  [/3050\b/i, 8],
  [/2080 ?Ti|1080 ?Ti/i, 11],
  [/20[78]0\b|10[78]0\b/i, 8],
  [/2060\b|1660\b|1060\b|980 ?Ti/i, 6],
  [/1650\b|1050 ?Ti|GTX ?9[78]0\b/i, 4],
  [/MI35[05]X/i, 288],
  [/MI325X/i, 256],
  [/MI300X/i, 192],
  [/MI300A/i, 128],
  [/MI250/i, 64],
  [/MI210/i, 64],
  [/MI100\b|MI60\b/i, 32],
  [/Radeon ?VII|MI25\b/i, 16],
  [/W7900/i, 48],
  [/W[67]800/i, 32],
  [/7900 ?XTX/i, 24],
  [/7900 ?XT\b/i, 20],
  [/(7800|6800|6900|6950|7600) ?XT|9070\b|7900 ?GRE/i, 16],
  [/(7700|67[05]0) ?XT/i, 12],
  [/RX ?(7600|66[05]0)\b/i, 8],
  [/Arc ?(Pro ?)?B60/i, 24],
  [/Arc ?A770|Arc ?(Pro ?)?B50/i, 16],
  [/Arc ?B580/i, 12],
  [/Arc ?A750/i, 8],
];

const gibibyte = 1024 ** 3;
const headless =
  /\b(G?H100|H[28]00|GH200|G?B[23]00|A[18]00|L40S?|L20|L4|A10G?|A16|A2|A30|A40|T4|V100|P40|P100|MI\d+X?)\b/i;

/** Cards of servers have no socket for a screen. */
export function isHeadlessCard(name: string): boolean {
  return headless.test(name);
}

/**
 * What CUDA, or Metal, has on a card of this name. A size in the name ("RTX 3060 12GB", "RTX 2080 Ti 22GB") counts more than the model, and
 * decimals of a GiB are what CUDA itself says. Metal lets a
 * process have two thirds of the memory, and three quarters of more than 36 GB.
 */
export function cudaBytesOfCard(name: string): number | undefined {
  if (/GB10|DGX Spark/i.test(name)) return 121.6 * gibibyte;
  const exactly = /(\d+\.\d+)\s?Gi?B\b/i.exec(name)?.[1];
  if (exactly !== undefined) return Number(exactly) * gibibyte;
  // Grace Hopper is named after the memory of its CPU.
  const stated = /GH200/i.test(name) ? undefined : /(\d+)\s?GB\b/i.exec(name)?.[1];
  const gibibytes = stated === undefined ? cards.find(([pattern]) => pattern.test(name))?.[1] : Number(stated);
  if (gibibytes === undefined || gibibytes === 0) return undefined;
  if (/Apple/i.test(name)) return gibibytes * gibibyte * (gibibytes > 36 ? 3 / 4 : 2 / 3);
  const left = checked.test(name) ? (gibibytes * 15) / 16 : gibibytes === 80 ? 79.7 : gibibytes;
  return cudaBytesOfTotal(left * gibibyte);
}

/** Cards of servers without stacked memory check it by themselves, and a sixteenth is for that: 22.5 GiB of an L4's 24, 45 of an L40S's 48. */
const checked = /\b(L40S?|L20|L4|A10G?|A16|A2|A40|T4)\b/i;

/**
 * From what nvidia-smi calls total to what a process can have at most. In logs that have both, the driver keeps 0.24 GiB of 12, 0.4 of 24, 0.5 of 45 and no
 * more than 0.6 of 80 and 96.
 */
export function cudaBytesOfTotal(totalBytes: number): number {
  return totalBytes - Math.min(0.55 * gibibyte, 0.17 * gibibyte + 0.0075 * totalBytes);
}
