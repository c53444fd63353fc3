/**
 * Memory of graphics cards by their names, in GiB, as the makers state it. What CUDA has of it is less: the driver keeps 0.25 to 0.6 GiB (RTX 3060: 12 GiB,
 * 11.76 for CUDA; RTX 4090: 24 and 23.55; H100: 80 and 79.2).
 */
const cards: readonly (readonly [pattern: RegExp, gibibytes: number])[] = [
  [/\bH200\b/i, 141],
  [/\bB200\b/i, 180],
  [/\bH100\b/i, 80],
  [/\bA100\b(?!.*40)/i, 80],
  [/\bA100\b/i, 40],
  [/\bL40S?\b/i, 48],
  [/\bL4\b/i, 24],
  [/\bA10G?\b/i, 24],
  [/\bT4\b/i, 16],
  [/\bV100\b.*32/i, 32],
  [/\bV100\b/i, 16],
  [/\bP40\b/i, 24],
  [/RTX PRO 6000/i, 96],
  [/RTX (A6000|6000 Ada)/i, 48],
  [/RTX (A5000|4500 Ada)/i, 24],
  [/RTX A4000/i, 16],
  [/RTX 5000 Ada.*Laptop/i, 16],
  [/RTX 5000 Ada/i, 32],
  [/RTX 3500 Ada/i, 12],
  [/RTX 5090/i, 32],
  [/RTX 5080/i, 16],
  [/RTX 5070 Ti/i, 16],
  [/RTX 5070 Laptop/i, 8],
  [/RTX 5070/i, 12],
  [/RTX 5060 Ti/i, 16],
  [/RTX 4090 Laptop/i, 16],
  [/RTX 4090/i, 24],
  [/RTX 4080 Laptop/i, 12],
  [/RTX 4080/i, 16],
  [/RTX 4070 Ti SUPER/i, 16],
  [/RTX 4070 Laptop/i, 8],
  [/RTX 4070/i, 12],
  [/RTX 4060 Ti/i, 16],
  [/RTX 4060/i, 8],
  [/RTX 3090/i, 24],
  [/RTX 3080 Ti/i, 12],
  [/RTX 3080/i, 10],
  [/RTX 3070/i, 8],
  [/RTX 3060/i, 12],
  [/RTX 2080 Ti/i, 11],
  [/RTX 2080|RTX 2070|GTX 1080(?! Ti)/i, 8],
];

const gibibyte = 1024 ** 3;
const headless = /\b(H100|H200|H800|B200|A100|L40S?|L4|A10G?|T4|V100|P40)\b/;

/** Cards of servers have no socket for a screen. */
export function isHeadlessCard(name: string): boolean {
  return headless.test(name);
}

const driverShare = 0.0145;

/**
 * What CUDA, or Metal, has on a card of this name. A size in the name ("RTX 3060 12GB", "RTX 2080 Ti 22GB") counts more than the model. Metal lets a
 * process have two thirds of the memory, and three quarters of more than 36 GB.
 */
export function cudaBytesOfCard(name: string): number | undefined {
  if (/GB10|DGX Spark/i.test(name)) return 121.6 * gibibyte;
  const stated = /(\d+)\s?GB\b/i.exec(name)?.[1];
  const gibibytes = stated === undefined ? cards.find(([pattern]) => pattern.test(name))?.[1] : Number(stated);
  if (/Apple/i.test(name) && gibibytes !== undefined) return gibibytes * gibibyte * (gibibytes > 36 ? 3 / 4 : 2 / 3);
  return gibibytes === undefined || gibibytes === 0 ? undefined : cudaBytesOfTotal(gibibytes * gibibyte);
}

/** From what nvidia-smi calls total to what a process can have at most. */
export function cudaBytesOfTotal(totalBytes: number): number {
  return totalBytes * (1 - driverShare);
}
