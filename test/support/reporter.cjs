// The reporter of every tier: mocha's own output, and one JSON line per run for scripts/test.mjs to add up.
const { appendFileSync } = require('node:fs');
const { reporters } = require('mocha');

class TierReporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const failed = [];
    const skipped = [];
    runner.on('fail', (test) => failed.push(test.fullTitle()));
    runner.on('pending', (test) => skipped.push(test.fullTitle()));
    runner.on('end', () => {
      const file = process.env.A2IA_TEST_RESULTS;
      if (file) appendFileSync(file, `${JSON.stringify({ passed: this.stats.passes, failed, skipped })}\n`);
    });
  }
}

module.exports = TierReporter;
