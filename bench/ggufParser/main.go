// What gguf-parser-go says of model files: reads lines of JSON from standard input, one run each, and writes one line each.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"

	parser "github.com/gpustack/gguf-parser-go"
)

type run struct {
	ID             string `json:"id"`
	File           string `json:"file"`
	Context        int32  `json:"context"`
	Batch          int32  `json:"batch"`
	Parallel       int32  `json:"parallel"`
	KeyType        string `json:"keyType"`
	ValueType      string `json:"valueType"`
	FlashAttention bool   `json:"flashAttention"`
}

type estimate struct {
	ID        string `json:"id"`
	Weights   uint64 `json:"weightsBytes"`
	Cache     uint64 `json:"cacheBytes"`
	Compute   uint64 `json:"computeBytes"`
	Footprint uint64 `json:"footprintBytes"`
	Error     string `json:"error,omitempty"`
}

var cacheTypes = map[string]parser.GGMLType{
	"f32": parser.GGMLTypeF32, "f16": parser.GGMLTypeF16, "bf16": parser.GGMLTypeBF16, "q8_0": parser.GGMLTypeQ8_0,
	"q5_1": parser.GGMLTypeQ5_1, "q5_0": parser.GGMLTypeQ5_0, "q4_1": parser.GGMLTypeQ4_1, "q4_0": parser.GGMLTypeQ4_0,
	"iq4_nl": parser.GGMLTypeIQ4_NL,
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var r run
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := out.Encode(estimated(r)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func estimated(r run) (e estimate) {
	e.ID = r.ID
	defer func() {
		if cause := recover(); cause != nil {
			e = estimate{ID: r.ID, Error: fmt.Sprint(cause)}
		}
	}()
	file, err := parser.ParseGGUFFile(r.File)
	if err != nil {
		e.Error = err.Error()
		return e
	}
	options := []parser.GGUFRunEstimateOption{
		parser.WithLLaMACppContextSize(r.Context),
		parser.WithLLaMACppLogicalBatchSize(max(r.Batch, 2048)),
		parser.WithLLaMACppPhysicalBatchSize(r.Batch),
		parser.WithParallelSize(r.Parallel),
		parser.WithLLaMACppCacheKeyType(cacheTypes[r.KeyType]),
		parser.WithLLaMACppCacheValueType(cacheTypes[r.ValueType]),
		parser.WithLLaMACppOffloadLayers(math.MaxUint64),
	}
	if r.FlashAttention {
		options = append(options, parser.WithFlashAttention())
	}
	for _, device := range file.EstimateLLaMACppRun(options...).Devices[1:] {
		e.Weights += uint64(device.Weight.Input + device.Weight.Compute + device.Weight.Output)
		e.Cache += uint64(device.KVCache.Key + device.KVCache.Value)
		e.Compute += uint64(device.Computation.Input + device.Computation.Compute + device.Computation.Output)
		e.Footprint += uint64(device.Footprint + device.Computation.Footprint)
	}
	return e
}
