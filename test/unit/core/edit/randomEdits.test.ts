import assert from 'node:assert/strict';
import fc from 'fast-check';
import { applyChange, type TextChange } from '../../../../src/core/edit/anchoredLines.ts';
import { EditSession } from '../../../../src/core/edit/editSession.ts';
import { diffHunks, diffLines } from '../../../../src/core/edit/lineDiff.ts';
import { linesOf } from '../../../../src/core/edit/lines.ts';
import { offerFrom } from '../../../../src/core/edit/offer.ts';
import { EditedText, type Typed } from '../../../support/editedText.ts';

/** `npm run test:fuzz` runs 20,000 of each; A2IA_FUZZ_SEED repeats a run. */
const numRuns = Number(process.env['A2IA_FUZZ_INPUTS'] ?? 400);
const seed = Number(process.env['A2IA_FUZZ_SEED'] ?? Date.now() % 1_000_000_000);

const line = fc.constantFrom('', 'a', 'b', '\tif (x) {', '\t\treturn y;', '\t}', '}', '    z = "ä😀"', 'end  ', '// c');
const lineEnd = fc.constantFrom('\n', '\r\n');
const lines = fc.array(line, { maxLength: 14 });

/** Also with a byte order mark, and with line ends of both kinds. */
const documentText = fc
  .tuple(lines, fc.array(lineEnd, { minLength: 1, maxLength: 3 }), fc.boolean(), fc.boolean())
  .map(([list, ends, hasMark, endsWithLineEnd]) => {
    const text = list.map((one, index) => one + (ends[index % ends.length] ?? '')).join('');
    return (hasMark ? '\ufeff' : '') + (endsWithLineEnd ? text : text.replace(/\r?\n$/, ''));
  });

/** At a share of the text: something is typed there, or some characters are deleted. */
const typed: fc.Arbitrary<Typed> = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.oneof(fc.constant(0), fc.nat(12)),
  insert: fc.constantFrom('', 'x', '\n', 'new line\n', '\nq', 'a\n', '\t'),
});
const typing = fc.array(typed, { maxLength: 4 });
/** What the model makes of it: lines that go, stay, and come. */
const rewriting = fc.array(fc.record({ keep: fc.boolean(), add: fc.array(line, { maxLength: 2 }) }), { maxLength: 16 });
type Rewriting = readonly { readonly keep: boolean; readonly add: readonly string[] }[];

function rewritten(old: readonly string[], steps: Rewriting): readonly string[] {
  return old.flatMap((one, index) => {
    const { keep, add } = steps[index % Math.max(1, steps.length)] ?? { keep: true, add: [] };
    return keep ? [one, ...add] : add;
  });
}

const share = fc.double({ min: 0, max: 1, noNaN: true });
const scenario = fc.record({
  text: documentText,
  steps: rewriting,
  from: share,
  to: share,
  before: typing,
  after: typing,
});

interface Played {
  readonly session: EditSession;
  readonly document: EditedText;
  readonly region: { readonly start: number; readonly end: number };
  readonly newLines: readonly string[];
}

/** Asks about a part of the document, and has the user type before the answer is there, and after. */
function play({
  text,
  steps,
  from,
  to,
  before,
  after,
}: typeof scenario extends fc.Arbitrary<infer S> ? S : never): Played {
  const document = new EditedText(text);
  const count = document.lines.length;
  const start = Math.min(Math.floor(Math.min(from, to) * count), count - 1);
  const region = { start, end: Math.max(start + 1, Math.ceil(Math.max(from, to) * count)) };
  const session = new EditSession(text, region);
  for (const one of before) for (const change of document.type(one)) session.follow(change);
  const newLines = rewritten(session.regionLines, steps);
  // Twice, as a stream does.
  session.propose([...newLines.slice(0, 1), ...session.regionLines.slice(1)]);
  session.propose(newLines);
  for (const one of after) for (const change of document.type(one)) session.follow(change);
  return { session, document, region, newLines };
}

const all = (session: EditSession) => new Set(session.hunks.map(({ id }) => id));

/** As an editor does: all for the text before them. Returns what undoes them. */
function apply(
  text: string,
  changes: readonly TextChange[],
): { readonly text: string; readonly undo: readonly TextChange[] } {
  let result = text;
  const undo: TextChange[] = [];
  for (const change of [...changes].reverse()) {
    undo.unshift({
      offset: change.offset,
      length: change.text.length,
      text: result.slice(change.offset, change.offset + change.length),
    });
    result = applyChange(result, change);
  }
  return { text: result, undo };
}

describe(`Edits of random inputs (A2IA_FUZZ_SEED=${seed})`, function () {
  this.timeout(1_200_000);
  const check = <T>(property: fc.IProperty<T>) => {
    fc.assert(property, { numRuns, seed });
  };

  it('leave the document to the user, whatever is proposed and rejected', () =>
    check(
      fc.property(scenario, (given) => {
        const { session, document } = play(given);
        session.settle(all(session));
        assert.equal(session.text, document.text);
        assert.deepEqual(session.changesFor(all(session)), []);
      }),
    ));

  it('put what was accepted where its lines are, as they were written, and nothing else anywhere', () =>
    check(
      fc.property(scenario, (given) => {
        const { session, document, region, newLines } = play(given);
        const changes = session.changesFor(all(session));
        const old = session.regionLines;
        const hunks = diffHunks(old, newLines).map((hunk) => ({
          start: region.start + hunk.oldStart,
          end: region.start + hunk.oldEnd,
          lines: newLines.slice(hunk.newStart, hunk.newEnd),
        }));
        assert.equal(apply(document.text, changes).text, document.withHunks(hunks));
      }),
    ));

  it('give exactly the text of the model where the user has not typed', () =>
    check(
      fc.property(scenario, (given) => {
        const { session, document, region, newLines } = play({ ...given, before: [], after: [] });
        const result = apply(document.text, session.changesFor(all(session))).text;
        const { lines: old } = document;
        const expected = [...old.slice(0, region.start), ...newLines, ...old.slice(region.end)];
        assert.deepEqual(linesOf(result.replace(/^\ufeff/, '')), expected.length === 0 ? [''] : expected);
        assert.equal(result.startsWith('\ufeff'), document.text.startsWith('\ufeff'));
        const ends = new Set(document.text.match(/\r\n|\n/g) ?? ['\n']);
        for (const end of result.match(/\r\n|\n/g) ?? []) assert.ok(ends.has(end), JSON.stringify(result));
      }),
    ));

  it('are undone to the letter', () =>
    check(
      fc.property(scenario, (given) => {
        const { session, document } = play(given);
        const { text, undo } = apply(document.text, session.changesFor(all(session)));
        let undone = text;
        for (const change of undo) undone = applyChange(undone, change);
        assert.equal(undone, document.text);
      }),
    ));

  it('come to the same one by one, in any order', () =>
    check(
      fc.property(scenario, fc.array(fc.nat(), { maxLength: 20 }), (given, order) => {
        const { session, document } = play(given);
        const together = apply(document.text, session.changesFor(all(session))).text;
        for (const pick of [...order, ...Array<number>(20).fill(0)]) {
          const { hunks } = session;
          const hunk = hunks[pick % Math.max(1, hunks.length)];
          if (!hunk) break;
          const ids = new Set([hunk.id]);
          for (const change of session.changesFor(ids)) session.follow(change);
          session.settle(ids);
        }
        assert.equal(session.text, together);
      }),
    ));

  it('follow their lines through a replacement of the whole document', () =>
    check(
      fc.property(scenario, (given) => {
        const text = linesOf(given.text)
          .map((one, index) => `${index}${one}`)
          .join('\n');
        const { session, document, region, newLines } = play({ ...given, text, before: [], after: [] });
        const inserted = { offset: 0, length: document.text.length, text: `first\n${document.text}\nlast` };
        session.follow(inserted);
        const changes = session.changesFor(all(session));
        const { lines: old } = document;
        const expected = ['first', ...old.slice(0, region.start), ...newLines, ...old.slice(region.end), 'last'];
        assert.equal(apply(session.text, changes).text, expected.join('\n'));
      }),
    ));

  it('of a stream that is cut anywhere are the beginning of the answer, and the code that it had not come to', () =>
    check(
      fc.property(lines, rewriting, share, (old, steps, cut) => {
        const newLines = rewritten(old, steps);
        const answer = `Here it is:\n\n\`\`\`\n${newLines.join('\n')}\n\`\`\`\n`;
        const request = { languageId: 'plaintext', wish: 'remove and rewrite', lines: old, before: [], after: [] };
        const part = answer.slice(0, Math.floor(cut * answer.length));
        const offer = offerFrom(part, request, false);
        if (offer.type !== 'edit') return;
        const { lines: offered } = offer;
        const isBeginning = Array.from({ length: offered.length + 1 }, (_, kept) => kept).some((kept) => {
          const tail = offered.slice(kept);
          const written = offered.slice(0, kept).filter((one) => one.trim() !== '');
          return (
            endsWith(old, tail) &&
            startsWith(
              newLines.filter((one) => one.trim() !== ''),
              written,
            )
          );
        });
        assert.ok(isBeginning, JSON.stringify({ old, newLines, part, offered }));
      }),
    ));

  it('are found by the diff: old lines with its changes are the new lines', () =>
    check(
      fc.property(lines, lines, (old, now) => {
        for (const diff of [diffLines, diffHunks]) {
          const result: string[] = [];
          let at = 0;
          for (const { oldStart, oldEnd, newStart, newEnd } of diff(old, now)) {
            assert.ok(oldStart > at || at === 0);
            result.push(...old.slice(at, oldStart), ...now.slice(newStart, newEnd));
            at = oldEnd;
          }
          assert.deepEqual([...result, ...old.slice(at)], now);
        }
      }),
    ));
});

const startsWith = (list: readonly string[], begin: readonly string[]) =>
  begin.every((one, index) => one === list[index]);
const endsWith = (list: readonly string[], end: readonly string[]) =>
  end.length <= list.length && end.every((one, index) => one === list[list.length - end.length + index]);
