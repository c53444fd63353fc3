import assert from 'node:assert/strict';
import { commandQuestion, suggestionsFor, type OpenFile } from '../../../../src/core/chat/commandPrompts.ts';

describe('commandQuestion', () => {
  it('names what it is about, as the attachment is called', () => {
    for (const command of ['explain', 'findBugs', 'writeTests'] as const) {
      assert.ok(commandQuestion(command, 'src/app.ts, lines 3 to 9').includes(' src/app.ts, lines 3 to 9'));
    }
  });
});

describe('suggestionsFor', () => {
  const file: OpenFile = { languageId: 'typescript', label: 'src/app.ts', symbols: [], problemCount: 0 };
  const labels = (more: Partial<OpenFile>) => suggestionsFor({ ...file, ...more }).map(({ label }) => label);

  it('are about the selection and the problems first, then about what the file defines', () => {
    assert.deepEqual(labels({ selectionLabel: 'src/app.ts, line 3', problemCount: 2, symbols: ['parse', 'print'] }), [
      'Explain the selection',
      'Fix the 2 problems in app.ts',
      'What does parse do?',
    ]);
    assert.deepEqual(labels({ symbols: ['parse', 'print'] }), [
      'What does parse do?',
      'Write tests for print',
      'Find bugs in app.ts',
    ]);
  });

  it('say what they are about, so that it can be attached', () => {
    const subjects = suggestionsFor({ ...file, selectionLabel: 'src/app.ts, line 3', problemCount: 2 });
    assert.deepEqual(
      subjects.map(({ about }) => about),
      ['selection', 'problems', 'file'],
    );
  });

  it('are three different ones for every kind of file, each naming it', () => {
    for (const languageId of ['typescript', 'python', 'markdown', 'plaintext', 'json', 'yaml', 'unknown']) {
      const suggestions = suggestionsFor({ ...file, languageId });
      assert.equal(new Set(suggestions.map(({ label }) => label)).size, 3, languageId);
      for (const { label, text } of suggestions) {
        assert.ok(text.includes('src/app.ts'), text);
        assert.ok(label.length <= 40, label);
      }
    }
  });
});
