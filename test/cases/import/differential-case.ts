/** What a case of the comparison with nginx is; the files that all of them serve. See differential.ts. */

export interface DifferentialRequest {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** What is answered here in place of nginx's answer: parts of it. */
  readonly here?: { readonly status?: number; readonly body?: string; readonly why: string };
}

export interface DifferentialCase {
  readonly name: string;
  /** In http { }, before the servers. */
  readonly http?: string;
  /** In server { }, below its listen. */
  readonly server: string;
  readonly requests: readonly (string | DifferentialRequest)[];
}

export const FILES: Readonly<Record<string, string>> = {
  "site/index.html": "<p>home</p>\n",
  "site/page.html": "<p>page</p>\n",
  "site/50x.html": "<p>sorry</p>\n",
  "site/404.html": "<p>lost</p>\n",
  "site/robots.txt": "User-agent: *\n",
  "site/static/app.css": "body { color: red }\n",
  "site/static/index.html": "<p>static home</p>\n",
  "site/static/admin/base.css": "admin\n",
  "site/static/deep/x.txt": "deep\n",
  "site/media/cat.jpg": "not really a cat\n",
  "site/.git/config": "secret\n",
  "site/sub/index.html": "<p>sub</p>\n",
  "assets/app.css": "assets\n",
  "assets/a.js": "js\n",
  "secret.txt": "outside\n",
  "site/gone/here.txt": "here\n",
  "rooted/x": "rooted\n",
  "flags/off": "",
  htpasswd: "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n",
};

/** A directory without an index: nginx owns up to it with 403. */
export function bare(path: string): DifferentialRequest {
  return { path, here: { status: 404, why: "what is not shown is not there" } };
}

