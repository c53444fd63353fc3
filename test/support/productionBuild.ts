import { execFileSync } from 'node:child_process';
import { globSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

const root = path.join(import.meta.dirname, '../..');

/** What `npm run package` would put into `dist/`, in a folder of its own. */
export class ProductionBuild {
  readonly folder: string;

  /** Builds into `folder`, which is emptied first. */
  constructor(folder: string) {
    this.folder = folder;
    execFileSync(process.execPath, ['esbuild.js', '--production', `--outdir=${folder}`], { cwd: root });
  }

  get files(): readonly string[] {
    return globSync('**/*.*', { cwd: this.folder });
  }

  text(file: string): string {
    return readFileSync(path.join(this.folder, file), 'utf8');
  }

  /** The file and all that is loaded with it: what it loads on demand is left out. */
  loadedWith(file: string): ReadonlySet<string> {
    const seen = new Set<string>();
    const visit = (name: string) => {
      if (seen.has(name)) return;
      seen.add(name);
      const text = this.text(name).replace(/\.then\(\(\)=>\w+\(require\("[^"]+"\)/g, '');
      for (const [, required = ''] of text.matchAll(/require\("\.\/([^"]+)"\)/g)) visit(required);
    };
    visit(file);
    return seen;
  }

  sizeBytes(files: Iterable<string>): number {
    return [...files].reduce((sum, file) => sum + statSync(path.join(this.folder, file)).size, 0);
  }
}
