import assert from 'node:assert/strict';
import { answerFiles, fileOfCode } from '../../../../src/core/edit/answerFiles.ts';
import { fileOffer } from '../../../../src/core/edit/fileOffer.ts';
import { nameFromProse } from '../../../../src/core/edit/fileNames.ts';
import { linesOf } from '../../../../src/core/edit/lines.ts';
import { fileCorpus } from '../../../support/fileCorpus.ts';

const { project, cases } = fileCorpus();
const languages: Readonly<Record<string, string>> = { ts: 'typescript', py: 'python', md: 'markdown', json: 'json' };

/** As a file has it: with a line end at its end. */
const fileText = (text: string | undefined) => (text === undefined ? '' : `${text}\n`);

function outcomesOf(answer: string): ReadonlyMap<string, string> {
  return new Map(
    answerFiles(answer).map(({ fileName, pieces, wants }) => {
      if (wants !== 'change') return [fileName, wants];
      const file = project.get(fileName);
      const lines = linesOf(fileText(file?.code));
      const languageId = languages[fileName.split('.').at(-1) ?? ''] ?? 'plaintext';
      const offer = fileOffer(pieces, { languageId, wish: '', lines });
      const isRight = offer.type === 'edit' && offer.lines.join('\n') === fileText(file?.becomes);
      return [fileName, isRight ? 'becomes' : offer.type === 'refused' ? 'refused' : JSON.stringify(offer)];
    }),
  );
}

describe('Answers about several files', () => {
  it('are many', () => assert.ok(cases.length >= 30, String(cases.length)));

  for (const { title, answer, expected } of cases) {
    it(title, () => {
      assert.deepEqual([...outcomesOf(answer)], [...expected]);
      assert.deepEqual([...outcomesOf(answer.replaceAll('\n', '\r\n'))], [...expected]);
    });
  }

  it('are read however little of them is there', () => {
    for (const { title, answer } of cases) {
      for (let end = 0; end < answer.length; end += 37) {
        for (const { fileName } of answerFiles(answer.slice(0, end))) assert.ok(fileName !== '', title);
      }
    }
  });
});

describe('fileOfCode', () => {
  const answer =
    'In `src/a.ts`:\n\n```ts\nrun();\n```\n\nAnd in `b.py`:\n\n```python\nrun()\n```\n\n```ts\nstop();\n```\n';

  it('finds the file in the sentence before the block', () => {
    assert.equal(fileOfCode(answer, ['run();']), 'src/a.ts');
    assert.equal(fileOfCode(answer, ['run()', '']), 'b.py');
    assert.equal(fileOfCode(answer, ['stop();']), undefined);
    assert.equal(fileOfCode(answer, ['other();']), undefined);
  });

  it('says none where the same code is for several', () => {
    assert.equal(fileOfCode(`${answer}In \`c.ts\`:\n\n\`\`\`ts\nrun();\n\`\`\`\n`, ['run();']), undefined);
  });
});

describe('nameFromProse', () => {
  const named: readonly (readonly [string, string | undefined])[] = [
    ['In `src/a.ts`:', 'src/a.ts'],
    ['Now, in src/a.ts, add this:', 'src/a.ts'],
    ['Here is the updated `a.test.ts`.', 'a.test.ts'],
    ['### 2. `app/(shop)/[id]/page.tsx`', 'app/(shop)/[id]/page.tsx'],
    ['Create a new file called "tools/run.py":', 'tools/run.py'],
    ['- **Dockerfile**:', 'Dockerfile'],
    ['Add `.env.local` with:', '.env.local'],
    ['`.eslintrc.json`:', '.eslintrc.json'],
    ['Update the [config](./vite.config.ts):', undefined],
    ['Update [vite.config.ts](./vite.config.ts):', 'vite.config.ts'],
    ['Move the helper from `a.ts` to `b.ts`:', 'b.ts'],
    ['Both `a.ts` and `b.ts` need this:', undefined],
    ['With Node.js you can write:', undefined],
    ['See https://example.com/a.js:', undefined],
    ['This is called by `main.ts` at the start.', undefined],
    ['Use `console.log` and `user.name`:', undefined],
    ['Set it in process.env:', undefined],
    ['It costs 1.5 times, e.g. here:', undefined],
  ];
  for (const [line, name] of named) it(line, () => assert.equal(nameFromProse(line), name));

  it('does not look through what a model wrote in a loop', () => {
    // Were it looked through, the time would be that of the square: minutes.
    const loop = `In \`a.ts\`${' '.repeat(400_000)}x`;
    assert.equal(nameFromProse(loop), undefined);
    assert.deepEqual(
      answerFiles(`${loop}\n\n\`\`\`\n// a.ts${' '.repeat(400_000)}x\n${'-'.repeat(400_000)}!\n\`\`\`\n`),
      [],
    );
  });
});
