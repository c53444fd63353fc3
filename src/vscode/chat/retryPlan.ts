import type { Conversation } from '../../core/chat/conversation.ts';
import { planExactly, type PromptPlan } from '../../core/chat/promptPlan.ts';
import type { LLMClient } from '../../core/clients/llmClient.ts';
import type { Settings } from '../../core/settings/settings.ts';
import { modelInfo } from './modelWatch.ts';

/** So long a server may take to say how large its window is, and how much of it the prompt takes. */
const planLimitMs = 5000;

/** What another model would be sent for this answer. Undefined where its server does not say in time what fits: then the request itself tells. */
export async function planRetry(
  { client, model }: { readonly client: LLMClient; readonly model: string },
  conversation: Conversation,
  answerId: string,
  settings: Settings,
): Promise<PromptPlan | undefined> {
  const path = conversation.pathTo(answerId).slice(0, -1);
  const signal = AbortSignal.timeout(planLimitMs);
  try {
    const about = await modelInfo({ client, model }, signal);
    const { contextWindowTokens: contextTokens, capabilities } = about ?? {};
    const input = { conversation, path, settings, model, contextTokens, takesImages: capabilities?.images };
    return await planExactly(input, client, signal);
  } catch {
    return undefined;
  }
}
