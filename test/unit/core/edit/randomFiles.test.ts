import assert from 'node:assert/strict';
import fc from 'fast-check';
import { answerFiles } from '../../../../src/core/edit/answerFiles.ts';
import { fileOffer } from '../../../../src/core/edit/fileOffer.ts';
import { linesOf } from '../../../../src/core/edit/lines.ts';

interface RandomFile {
  readonly name: string;
  readonly text: string;
  readonly becomes: string;
  /** The functions that change, as they shall be. */
  readonly parts: readonly string[];
  readonly shape: 'fence' | 'sentence' | 'heading' | 'comment' | 'whole' | 'search' | 'diff';
}

const body = fc.array(fc.constantFrom('wait(1);', 'const a = b + 2;', 'if (ready) stop();', '', 'log(`x`);'), {
  maxLength: 6,
});

const file = (index: number): fc.Arbitrary<RandomFile> =>
  fc
    .record({
      bodies: fc.array(fc.record({ lines: body, isChanged: fc.boolean() }), { minLength: 1, maxLength: 6 }),
      shape: fc.constantFrom('fence', 'sentence', 'heading', 'comment', 'whole', 'search', 'diff'),
      folder: fc.constantFrom('', 'src/', 'src/deep/down/'),
    })
    .map(({ bodies, shape, folder }) => {
      const code = (name: string, lines: readonly string[]) =>
        [`export function ${name}(input) {`, ...lines.map((line) => (line ? `  ${line}` : '')), '}'].join('\n');
      const all = bodies.map(({ lines, isChanged }, at) => {
        const name = `f${index}part${at}`;
        const was = code(name, [...lines, `return input.${name};`]);
        return { was, is: isChanged ? code(name, [...lines, `return input.${name} + 1;`]) : was, name, isChanged };
      });
      const text = `${all.map(({ was }) => was).join('\n\n')}\n`;
      const becomes = `${all.map(({ is }) => is).join('\n\n')}\n`;
      const parts = all.filter(({ isChanged }) => isChanged).map(({ is }) => is);
      return { name: `${folder}file${index}.js`, text, becomes, parts, shape };
    });

const files = fc
  .integer({ min: 2, max: 5 })
  .chain((count) => fc.tuple(...Array.from({ length: count }, (_, index) => file(index))));

function said({ name, shape, parts, becomes, text }: RandomFile): string {
  const fenced = (info: string, code: string) => `\`\`\`${info}\n${code.trimEnd()}\n\`\`\`\n`;
  if (parts.length === 0) return `The file ${name} stays as it is.\n`;
  const changed = becomes.split('\n').filter((line, index) => line !== text.split('\n')[index]);
  const pairs = changed.map((now) => ({ now, was: now.replace(' + 1;', ';') }));
  switch (shape) {
    case 'fence':
      return parts.map((part) => fenced(`js ${name}`, part)).join('\nand\n\n');
    case 'sentence':
      return parts.map((part) => `In \`${name}\`, count on:\n\n${fenced('js', part)}`).join('\n');
    case 'heading':
      return `### ${name}\n\n${parts.map((part) => fenced('js', part)).join('\nand further down:\n\n')}`;
    case 'comment':
      return parts.map((part) => fenced('js', `// ${name}\n${part}`)).join('\n');
    case 'whole':
      return `**${name}**\n${fenced('js', becomes)}`;
    case 'search': {
      const blocks = pairs.map(({ was, now }) => `<<<<<<< SEARCH\n${was}\n=======\n${now}\n>>>>>>> REPLACE`);
      return `${name}\n${fenced('js', blocks.join('\n'))}`;
    }
    case 'diff': {
      const hunks = pairs.map(({ was, now }) => `@@ -1 +1 @@\n-${was}\n+${now}`);
      return fenced('diff', `--- a/${name}\n+++ b/${name}\n${hunks.join('\n')}`);
    }
  }
}

describe('Random answers about several files', function () {
  this.timeout(120_000);

  it('become exactly what they say, in whatever form they say it', () => {
    fc.assert(
      fc.property(files, fc.boolean(), (all, isWindows) => {
        const answer = `Here you are.\n\n${all.map(said).join('\n')}`;
        const found = answerFiles(isWindows ? answer.replaceAll('\n', '\r\n') : answer);
        const changing = all.filter(({ parts }) => parts.length > 0);
        assert.deepEqual(
          found.map(({ fileName }) => fileName),
          changing.map(({ name }) => name),
        );
        for (const [index, { pieces }] of found.entries()) {
          const { text = '', becomes } = changing[index] ?? {};
          const offer = fileOffer(pieces, { languageId: 'javascript', wish: '', lines: linesOf(text) });
          assert.deepEqual(offer, { type: 'edit', lines: linesOf(becomes ?? '') });
        }
      }),
      { numRuns: 1500 },
    );
  });

  it('never change a file by a piece that is for another', () => {
    fc.assert(
      fc.property(files, ([first, second]) => {
        if (!first || !second || second.parts.length === 0 || second.shape === 'whole') return;
        const [found] = answerFiles(said(second));
        const offer = fileOffer(found?.pieces ?? [], {
          languageId: 'javascript',
          wish: '',
          lines: linesOf(first.text),
        });
        assert.equal(offer.type, 'refused');
      }),
      { numRuns: 500 },
    );
  });
});
