/** Bundles the judge's page with the parts of a version: `node bundle.mjs v13 NODE_MODULES FOLDER`. */
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const [version = 'v13', parts = join(here, version, 'node_modules'), into = join(here, version, 'dist')] =
  process.argv.slice(2);
const modules = resolve(parts);
const dist = resolve(into);
const { build } = createRequire(join(modules, 'package.json'))('esbuild');

/** The editors of code and queries: nobody edits here, and they are half of the bundle. */
const withoutEditors = {
  name: 'without-editors',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(monaco-editor|react-monaco-editor|@monaco-editor\/)/ }, ({ path }) => ({ path, namespace: 'none' }));
    onLoad({ filter: /.*/, namespace: 'none' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/** Scenes ask for their sources by names of newer versions; where those are missing, by the older ones. */
const byOldNames = {
  name: 'by-old-names',
  setup({ onLoad }) {
    onLoad({ filter: /plugin-compat.dist.esm.datasources.*\.mjs$/ }, async ({ path }) => {
      const imported = /import \{([^}]*)\} from '@grafana\/runtime(\/unstable)?';/g;
      const old = (name) =>
        / as /.test(name) ? `const ${name.split(' as ')[1]} = undefined;` : `import {${name}} from '@grafana/runtime';`;
      const text = await readFile(path, 'utf8');
      return {
        contents: text.replace(imported, (_, names) =>
          names
            .split(',')
            .map((name) => old(name.trim()))
            .join(' '),
        ),
      };
    });
  },
};

/** Scenes name files of the schema without their ending, as the bundler of Grafana's application allows. */
const schemaFiles = {
  name: 'schema-files',
  setup({ onResolve }) {
    onResolve({ filter: /^@grafana\/schema\/dist\/esm\/.*_types\.gen$/ }, ({ path }) => {
      const file = `${join(modules, path)}.js`;
      return existsSync(file) ? { path: file } : undefined;
    });
  },
};

/** Packages of the older kind whose default the newer kind of module would not find. */
const byDefault = {
  name: 'by-default',
  setup({ onResolve, onLoad }) {
    const wanted = /^(react-custom-scrollbars-2)$/;
    onResolve({ filter: wanted, namespace: 'file' }, ({ path }) => ({ path, namespace: 'default' }));
    const contents = (path) => `import * as all from '${path}'; export * from '${path}'; export default all.default;`;
    onLoad({ filter: wanted, namespace: 'default' }, ({ path }) => ({ contents: contents(path), resolveDir: modules }));
  },
};

await mkdir(dist, { recursive: true });
await build({
  entryPoints: [join(here, 'src', 'judge.tsx')],
  outfile: join(dist, 'judge.js'),
  bundle: true,
  format: 'iife',
  platform: 'browser',
  target: 'chrome120',
  nodePaths: [modules],
  // The older packages ask for the sixth version by the name of a package that keeps the fifth beside it.
  alias: { compat: join(here, 'src', 'compat', `${version}.tsx`), 'react-router-dom-v5-compat': 'react-router-dom' },
  define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
  loader: { '.svg': 'dataurl', '.woff2': 'file', '.woff': 'file', '.png': 'dataurl' },
  plugins: [withoutEditors, byOldNames, schemaFiles, byDefault],
  jsx: 'automatic',
  minify: false,
  logLevel: 'error',
});
// Version 13 asks for its pictures in a folder "build", 11 without it.
for (const folder of [join('public', 'build'), 'public']) {
  await cp(join(modules, '@grafana', 'ui', 'dist', 'public'), join(dist, folder), { recursive: true });
}
const fonts = join(modules, '@fontsource', 'inter', 'files');
await mkdir(join(dist, 'fonts'), { recursive: true });
for (const script of ['latin', 'latin-ext', 'vietnamese']) {
  for (const weight of ['400', '500']) {
    const name = `inter-${script}-${weight}-normal.woff2`;
    await cp(join(fonts, name), join(dist, 'fonts', name));
  }
}
// Grafana's own style asks for these two names; letters that they lack come from the files above.
await mkdir(join(dist, 'public', 'fonts', 'inter'), { recursive: true });
await cp(join(fonts, 'inter-latin-400-normal.woff2'), join(dist, 'public', 'fonts', 'inter', 'Inter-Regular.woff2'));
await cp(join(fonts, 'inter-latin-500-normal.woff2'), join(dist, 'public', 'fonts', 'inter', 'Inter-Medium.woff2'));
await cp(join(here, 'src', 'page.html'), join(dist, 'index.html'));
