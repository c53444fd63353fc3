import type { FitPlan, FitRequest } from './fitRequest.ts';
import { planOnLlamaCpp } from './llamaCppFit.ts';
import { planOnVllm } from './vllmFit.ts';

/**
 * What a model takes on a server and its GPUs, whether that fits, and why not. Pure. What was not given is what the server takes by itself; a version that was not
 * given is the current one, and the plan's doubts say so.
 */
export function planFit(request: FitRequest): FitPlan {
  const { server, corrections } = request;
  const plan = server.kind === 'vllm' ? planOnVllm(request, server) : planOnLlamaCpp(request, server);
  return corrections ? { ...plan, calibratedAtMs: corrections.atMs } : plan;
}
