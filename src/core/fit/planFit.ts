import type { FitPlan, FitRequest } from './fitRequest.ts';
import { planOnLlamaCpp } from './llamaCppFit.ts';
import { withSpill } from './spill.ts';
import { planOnVllm } from './vllmFit.ts';

/** `planFit`, or the same corrected by what this machine's loads took. */
export type Planner = (request: FitRequest) => FitPlan;

/**
 * What a model takes on a server and its GPUs, whether that fits, and why not. Pure. What was not given is what the server takes by itself; a version that was not
 * given is the current one, and the plan's doubts say so.
 */
export function planFit(request: FitRequest): FitPlan {
  const { server, corrections } = request;
  const made = server.kind === 'vllm' ? planOnVllm(request, server) : planOnLlamaCpp(request, server);
  const plan = withSpill(made, request.gpus);
  return corrections ? { ...plan, measuredBy: { atMs: corrections.atMs, of: corrections.of } } : plan;
}
