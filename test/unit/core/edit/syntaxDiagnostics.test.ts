import assert from 'node:assert/strict';
import { isSyntaxDiagnostic } from '../../../../src/core/edit/syntax/syntaxDiagnostics.ts';

describe('What a language service says', () => {
  it('is of syntax where its parser says it', () => {
    for (const diagnostic of [
      { source: 'ts', code: 1005, message: "';' expected." },
      { source: 'ts', code: 17008, message: "JSX element 'p' has no corresponding closing tag." },
      { source: 'js', code: '1109', message: 'Expression expected.' },
      { source: 'json', code: 514, message: 'Expected comma' },
      { source: 'css', code: 'css-rcurlyexpected', message: '} expected' },
      { source: 'Pylance', message: 'Expected expression' },
      { source: 'Java', code: '1610612940', message: 'Syntax error on token ";"' },
      { source: 'rust-analyzer', code: 'syntax-error', message: 'Syntax Error: expected SEMICOLON' },
      { source: 'syntax', message: "expected ';', found '}'" },
      { source: 'eslint', message: 'Parsing error: Unexpected token' },
      { source: 'Flake8', code: 'E999', message: 'IndentationError: unexpected indent' },
      { message: 'syntax error, unexpected end-of-file' },
    ]) {
      assert.ok(isSyntaxDiagnostic(diagnostic), JSON.stringify(diagnostic));
    }
  });

  it('is not where it is about types, names and taste', () => {
    for (const diagnostic of [
      { source: 'ts', code: 2304, message: "Cannot find name 'sum'." },
      { source: 'ts', code: 2322, message: "Type 'string' is not assignable to type 'number'." },
      { source: 'json', code: 1, message: 'Value is not accepted.' },
      { source: 'css', code: 'unknownProperties', message: "Unknown property: 'colour'" },
      { source: 'Pylance', code: 'reportUndefinedVariable', message: '"sum" is not defined' },
      { source: 'Java', code: '33554515', message: 'sum cannot be resolved' },
      { source: 'rustc', code: 'E0425', message: 'cannot find value `sum` in this scope' },
      { source: 'eslint', code: 'no-undef', message: "'sum' is not defined." },
      { message: 'The word is unknown' },
    ]) {
      assert.ok(!isSyntaxDiagnostic(diagnostic), JSON.stringify(diagnostic));
    }
  });
});
