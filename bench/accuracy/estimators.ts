// `node bench/accuracy/estimators.ts --cases FILE`: what other estimators say of the logged runs, next to ours, into bench/data/estimators.json.
// gguf-parser-go runs as a Go library (`bench/ggufParser`) on heads of model files made from the same facts that our planner has, llmfit as its program,
// installed into the cache. It needs Go, Python and their registries, and says which of them is missing.
