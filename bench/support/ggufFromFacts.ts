import { typedTensors, type Mixture } from '../../src/core/fit/ggufMixtures.ts';
import type { Mixer, ModelFacts } from '../../src/core/fit/modelFacts.ts';
import type { Tensor, TensorRole } from '../../src/core/fit/tensors.ts';
import { ggmlTypesById } from '../../src/core/gguf/ggmlTypes.ts';
import { ggufBytes, type GgufTensorSpec } from '../../test/unit/core/fit/ggufBytes.ts';

/** The head of the file that the model would be in this mixture: names, shapes and types of its tensors, without the tensors. */
export function ggufFromFacts(facts: ModelFacts, mixture: Mixture, architecture: string): Buffer {
  const ids = new Map([...ggmlTypesById].map(([id, { name }]) => [name, id]));
  const used = new Map<string, number>();
  const tensors = typedTensors(mixture, facts).map(([tensor, type]): GgufTensorSpec => {
    const name = nameOf(tensor);
    const count = (used.get(name) ?? 0) + 1;
    used.set(name, count);
    const experts = expertsOf(facts, tensor);
    const rows = tensor.role === 'vector' ? [] : experts > 1 ? [tensor.rows / experts, experts] : [tensor.rows];
    return {
      name: count === 1 ? name : name.replace('.weight', `_${count}.weight`),
      dimensions: [tensor.columns, ...rows],
      type: ids.get(type.name) ?? 0,
    };
  });
  return ggufBytes(keysOf(facts, architecture), tensors);
}

const names: Readonly<Record<TensorRole, string>> = {
  tokenEmbedding: 'token_embd',
  positions: 'position_embd',
  output: 'output',
  query: 'attn_q',
  key: 'attn_k',
  value: 'attn_v',
  attentionOutput: 'attn_output',
  gate: 'ffn_gate',
  up: 'ffn_up',
  down: 'ffn_down',
  expertGate: 'ffn_gate_exps',
  expertUp: 'ffn_up_exps',
  expertDown: 'ffn_down_exps',
  latentDown: 'attn_kv_a_mqa',
  latentUp: 'attn_kv_b',
  recurrent: 'ssm_out',
  recurrentQkv: 'attn_qkv',
  side: 'inp_gate',
  router: 'ffn_gate_inp',
  vector: 'attn_norm',
};

function nameOf({ role, layer }: Tensor): string {
  return layer === undefined ? `${names[role]}.weight` : `blk.${layer}.${names[role]}.weight`;
}

function expertsOf(facts: ModelFacts, { role, layer }: Tensor): number {
  const feedForward = layer === undefined ? undefined : facts.layers[layer]?.feedForward;
  return role.startsWith('expert') && feedForward?.kind === 'experts' ? feedForward.count : 1;
}

/** Gemma 4's files list which layers have the window, and give its heads' length apart from that of the full layers. */
function gemma4Keys(mixers: readonly (Mixer | undefined)[], key: (name: string) => string): Keys {
  const attentions = mixers.flatMap((mixer) => (mixer?.kind === 'attention' ? [mixer] : []));
  const head = (isFull: boolean) =>
    attentions.find(({ windowTokens }) => (windowTokens === undefined) === isFull)?.keyLength ?? 0;
  return {
    [key('attention.sliding_window_pattern')]: {
      flags: attentions.map(({ windowTokens }) => windowTokens !== undefined),
    },
    [key('attention.key_length')]: head(true),
    [key('attention.value_length')]: head(true),
    [key('attention.key_length_swa')]: head(false),
    [key('attention.value_length_swa')]: head(false),
    [key('attention.shared_kv_layers')]: attentions.filter(({ sharesCache }) => sharesCache).length,
  };
}

type Keys = Parameters<typeof ggufBytes>[0];

function keysOf(facts: ModelFacts, architecture: string): Keys {
  const { layers } = facts;
  const attentions = layers.map(({ mixer }) =>
    mixer.kind === 'attention' || mixer.kind === 'latent' ? mixer : undefined,
  );
  const attention = attentions.find((mixer) => mixer !== undefined);
  const experts = layers.map(({ feedForward }) => feedForward).find((part) => part.kind === 'experts');
  const dense = layers.map(({ feedForward }) => feedForward).find((part) => part.kind === 'dense');
  const window = attentions.flatMap((mixer) => (mixer?.kind === 'attention' ? (mixer.windowTokens ?? []) : []))[0];
  const recurrent = layers.map(({ mixer }) => mixer).find((mixer) => mixer.kind === 'deltaNet');
  const kvHeads = attentions.map((mixer) => (mixer?.kind === 'attention' ? mixer.kvHeads : (mixer?.heads ?? 0)));
  const key = (name: string) => `${architecture}.${name}`;
  return {
    'general.architecture': architecture,
    'general.type': 'model',
    [key('block_count')]: layers.length,
    [key('context_length')]: facts.contextTokens ?? 4096,
    [key('embedding_length')]: facts.embeddingLength,
    [key('vocab_size')]: facts.vocabularySize,
    [key('feed_forward_length')]: dense?.kind === 'dense' ? dense.width : (experts?.width ?? 0),
    [key('attention.head_count')]: attention?.heads ?? 0,
    [key('attention.head_count_kv')]: new Set(kvHeads).size > 1 ? kvHeads : (kvHeads[0] ?? 0),
    ...(attention?.kind === 'attention'
      ? { [key('attention.key_length')]: attention.keyLength, [key('attention.value_length')]: attention.valueLength }
      : {}),
    ...(attention?.kind === 'latent'
      ? {
          [key('attention.kv_lora_rank')]: attention.kvRank,
          [key('attention.key_length')]: attention.nopeLength + attention.ropeLength,
          [key('attention.value_length')]: attention.valueLength,
          [key('rope.dimension_count')]: attention.ropeLength,
        }
      : {}),
    ...(window === undefined ? {} : { [key('attention.sliding_window')]: window }),
    ...(architecture === 'gemma4' ? gemma4Keys(attentions, key) : {}),
    ...(experts === undefined
      ? {}
      : {
          [key('expert_count')]: experts.count,
          [key('expert_used_count')]: experts.used,
          [key('expert_feed_forward_length')]: experts.width,
        }),
    ...(recurrent === undefined
      ? {}
      : {
          [key('full_attention_interval')]: 4,
          [key('ssm.conv_kernel')]: recurrent.convKernel,
          [key('ssm.inner_size')]: recurrent.valueHeads * recurrent.headLength,
          [key('ssm.state_size')]: recurrent.headLength,
          [key('ssm.time_step_rank')]: recurrent.valueHeads,
          [key('ssm.group_count')]: recurrent.keyHeads,
        }),
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.tokens': { tokens: facts.vocabularySize },
  };
}
