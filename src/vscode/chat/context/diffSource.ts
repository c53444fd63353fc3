import { diffText } from '../../../core/chat/diffText.ts';
import { plural } from '../../../core/util/plural.ts';
import { errorText } from '../../../core/util/errorText.ts';
import { nameOf, refuse, textAttachment, type Attached, type Offer } from './attached.ts';
import { changeCount, gitRepositories, newFiles, type GitRepository } from './gitRepositories.ts';

/** What is changed in each repository. Without any, the offer says why when it is taken. */
export async function diffOffers(roomTokens: () => number, isNamed: boolean): Promise<readonly Offer[]> {
  const repositories = await gitRepositories();
  if ('refused' in repositories) {
    const why: Offer = {
      id: 'diff',
      label: '@diff',
      detail: repositories.refused,
      attach: () => Promise.resolve(repositories),
    };
    return isNamed ? [why] : [];
  }
  return repositories
    .filter((repository) => isNamed || changeCount(repository) > 0)
    .map((repository) => ({
      id: `diff ${repository.rootUri.toString()}`,
      label: repositories.length > 1 ? `@diff ${nameOf(repository.rootUri)}` : '@diff',
      detail: `${plural(changeCount(repository), 'changed file')}`,
      attach: () => attachDiff(repository, roomTokens()),
    }));
}

async function attachDiff(repository: GitRepository, roomTokens: number): Promise<Attached> {
  const name = nameOf(repository.rootUri);
  try {
    // Its picture of the files can be a moment old.
    await repository.status();
    const [staged, unstaged] = await Promise.all([repository.diff(true), repository.diff(false)]);
    const names = newFiles(repository).map((uri) => nameOf(uri));
    const found = diffText({ staged, unstaged, newFiles: names }, roomTokens);
    if (!found) return refuse(`Nothing is changed in ${name}.`);
    const { text, summary } = found;
    return textAttachment({ source: 'diff', label: `Changes in ${name} (${summary})`, languageId: 'diff', text });
  } catch (error) {
    const [reason = ''] = errorText(error).split('\n', 1);
    return refuse(`Git could not tell the changes in ${name}: ${reason}`);
  }
}
