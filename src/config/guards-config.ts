/** What stands around the targets of a site or route, as it is in force there. */

/** What stands around the targets of a site or a route; of a route, the site's is in it already. */
export interface GuardsConfig {
  /** `allow 10.0.0.0/8`, in order; empty: everyone may. */
  readonly access: readonly string[];
  /** Names of rate limits. */
  readonly limits: readonly string[];
  /** `users` is the absolute path of the file. */
  readonly auth: { readonly realm: string; readonly users: string } | undefined;
  /** The path of the site that is asked before; undefined: none. */
  readonly authRequest: string | undefined;
  /** Must access and auth both let a request pass, or does one of them do? */
  readonly satisfy: "all" | "any";
  /** Of two that fit a status the first counts. */
  readonly errorPages: readonly ErrorPageConfig[];
  /** Also for the errors that apps and upstreams answer with. */
  readonly intercept: boolean;
}

export interface ErrorPageConfig {
  /** `404`, `5xx` */
  readonly statuses: readonly string[];
  /** Undefined: that of the error. */
  readonly status: number | undefined;
  readonly source:
    | { readonly kind: "file"; readonly path: string }
    /** `text` is a template. */
    | { readonly kind: "respond"; readonly text: string; readonly contentType: string }
    | { readonly kind: "route"; readonly path: string };
}
