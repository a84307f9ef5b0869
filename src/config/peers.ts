/**
 * What nginx and uWSGI call a key: the last sentences of its documentation, `nginx: NAME, NOTE. uWSGI: NAME, NAME.`, taken
 * apart. A test holds every name against the directives and options that there are.
 */

export interface Peers {
  /** The documentation without them. */
  readonly doc: string;
  /** `client_body_timeout, 60 s`; undefined where it has nothing of the kind. */
  readonly nginx: string | undefined;
  readonly uwsgi: string | undefined;
}

/** It ends with the first full stop that a blank or nothing follows. */
const SENTENCE = /\s*\b(nginx|uWSGI): (.+?)\.(?=\s|$)/gs;

export function peersOf(doc: string): Peers {
  const found: Record<string, string> = {};
  const rest = doc.replace(SENTENCE, (_, who: string, text: string) => {
    found[who] = text;
    return "";
  });
  return { doc: rest.trim(), nginx: found["nginx"], uwsgi: found["uWSGI"] };
}

/** The words of such a text that may be names: `uwsgi_cache` of `proxy_cache, uwsgi_cache`. */
export function peerNames(text: string): string[] {
  return text.split(/,\s*/).map((part) => /^[a-z0-9_-]+/.exec(part)?.[0] ?? "");
}
